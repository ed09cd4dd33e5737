//! From the text of a lock file to a [`Lock`].

use super::tokens::{Kind, Token, tokens, written};
use super::{Lock, Method};
use crate::schema::{Content, LEAVES, Node, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// The deepest type that is read. The writer stays far below.
const NESTING_MAX: usize = 128;

/// A lock file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Damaged {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

impl Damaged {
    pub(super) fn new(line: usize, why: impl Into<String>) -> Self {
        Self { line, why: why.into() }
    }
}

impl Lock {
    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// The first line that is not understood, and why.
    pub fn parse(text: &str) -> Result<Lock, Damaged> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            next: 0,
            nodes: Vec::new(),
            types: BTreeMap::new(),
            pending: Vec::new(),
            comments: BTreeMap::new(),
        };
        parser.file()
    }
}

/// A type that was named: its node, where it was named first, whether it was declared.
struct Known {
    id: NodeId,
    line: usize,
    declared: bool,
}

/// What stands where a type is expected.
enum Type {
    /// One that is declared elsewhere.
    Named(NodeId),
    Written(Node),
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    nodes: Vec<Node>,
    /// By name and number: `Page#2`.
    types: BTreeMap<String, Known>,
    /// Comments that were met and belong to what is being read.
    pending: Vec<String>,
    comments: BTreeMap<String, Vec<String>>,
}

type Read<T> = Result<T, Damaged>;

impl Parser {
    fn file(&mut self) -> Read<Lock> {
        self.keyword("service")?;
        let service = self.name("the service's name")?;
        let version = self.version()?;
        self.comment("service".to_owned());
        let mut methods: Vec<Method> = Vec::new();
        loop {
            let token = self.take();
            match &token.kind {
                Kind::Word(word) if word == "fn" => {
                    let method = self.method()?;
                    if methods.iter().any(|other| other.name == method.name) {
                        let why = format!("the method `{}` is here twice", method.name);
                        return Err(Damaged::new(token.line, why));
                    }
                    methods.push(method);
                }
                Kind::Word(word) if word == "struct" => self.declaration(Self::structure)?,
                Kind::Word(word) if word == "enum" => self.declaration(Self::choice)?,
                Kind::Word(word) if word == "type" => self.declaration(|parser, _, _| parser.alias())?,
                Kind::End => break,
                _ => return Err(expected("`fn`, `struct`, `enum` or `type`", &token)),
            }
        }
        self.comment("end".to_owned());
        let missing = self.types.iter().filter(|(_, known)| !known.declared);
        if let Some((label, known)) = missing.min_by_key(|(_, known)| known.line) {
            let why =
                format!("`{label}` is neither a type of the standard library nor described in this file");
            return Err(Damaged::new(known.line, why));
        }
        let (nodes, comments) = (std::mem::take(&mut self.nodes).into(), std::mem::take(&mut self.comments));
        Ok(Lock { service, version, methods, nodes, comments })
    }

    fn method(&mut self) -> Read<Method> {
        let name = self.name("the method's name")?;
        self.sign('(')?;
        let arguments = self.members(')', "argument", |parser, _| parser.ty_after_colon())?;
        let returns = if self.accept('-') {
            self.sign('>')?;
            self.ty(0)?
        } else {
            self.node(Node::Leaf("()".to_owned()))
        };
        let mut method = Method { name, idempotent: false, since: None, arguments, returns };
        while self.accept(',') {
            let token = self.take();
            match &token.kind {
                Kind::Word(word) if word == "idempotent" => method.idempotent = true,
                Kind::Word(word) if word == "since" => method.since = Some(self.version()?),
                _ => return Err(expected("`idempotent` or `since`", &token)),
            }
        }
        self.comment(format!("fn {}", written(&method.name)));
        Ok(method)
    }

    /// What follows `struct`, `enum` or `type`; `body` reads it, and is told the name alone and with its number.
    fn declaration(&mut self, body: impl FnOnce(&mut Self, String, &str) -> Read<Node>) -> Read<()> {
        let line = self.peek().line;
        let name = self.name("the type's name")?;
        let label = self.label(&name)?;
        let id = self.named_type(&label, line);
        let known = self.types.get_mut(&label);
        if known.is_some_and(|known| std::mem::replace(&mut known.declared, true)) {
            return Err(Damaged::new(line, format!("the type `{label}` is described twice")));
        }
        // The type's own comments wait while those of its members are read.
        let own = std::mem::take(&mut self.pending);
        let node = body(self, name, &label)?;
        if let Some(place) = self.nodes.get_mut(id.index()) {
            *place = node;
        }
        self.pending.splice(0..0, own);
        self.comment(label);
        Ok(())
    }

    fn structure(&mut self, name: String, label: &str) -> Read<Node> {
        self.sign('{')?;
        let fields = self.members('}', "field", |parser, name| {
            let ty = parser.ty_after_colon()?;
            parser.comment(format!("{label}.{}", written(name)));
            Ok(ty)
        })?;
        Ok(Node::Struct { name, fields })
    }

    fn choice(&mut self, name: String, label: &str) -> Read<Node> {
        self.sign('{')?;
        let variants = self.members('}', "variant", |parser, name| {
            let content = parser.content()?;
            parser.comment(format!("{label}.{}", written(name)));
            Ok(content)
        })?;
        Ok(Node::Enum { name, variants })
    }

    fn content(&mut self) -> Read<Content> {
        if self.accept('(') {
            return Ok(Content::Tuple(self.list(')', |parser| parser.ty(0))?));
        }
        if self.accept('{') {
            return Ok(Content::Struct(self.members('}', "field", |parser, _| parser.ty_after_colon())?));
        }
        Ok(Content::Unit)
    }

    fn alias(&mut self) -> Read<Node> {
        self.sign('=')?;
        let token = self.peek().clone();
        match self.read_type(0)? {
            Type::Written(node) => Ok(node),
            Type::Named(_) => Err(expected("a type without a name", &token)),
        }
    }

    /// `: type`
    fn ty_after_colon(&mut self) -> Read<NodeId> {
        self.sign(':')?;
        self.ty(0)
    }

    fn ty(&mut self, depth: usize) -> Read<NodeId> {
        match self.read_type(depth)? {
            Type::Named(id) => Ok(id),
            Type::Written(node) => Ok(self.node(node)),
        }
    }

    fn read_type(&mut self, depth: usize) -> Read<Type> {
        let token = self.take();
        if depth > NESTING_MAX {
            return Err(Damaged::new(token.line, "this type goes too deep"));
        }
        let depth = depth + 1;
        let word = match &token.kind {
            Kind::Sign('(') => return self.tuple(depth).map(Type::Written),
            Kind::Sign('[') => return self.array(depth).map(Type::Written),
            Kind::Word(word) if !word.starts_with(char::is_numeric) => word.as_str(),
            Kind::Text(name) => return self.named_here(name, token.line),
            _ => return Err(expected("a type", &token)),
        };
        if self.peek().kind == Kind::Sign('#') {
            return self.named_here(word, token.line);
        }
        Ok(Type::Written(match word {
            "Option" => Node::Option(self.parameters(depth)?),
            "Vec" => Node::Seq(self.parameters(depth)?),
            "Map" => {
                let [key, value] = self.two_parameters(depth)?;
                Node::Map(key, value)
            }
            "Result" => {
                let [value, error] = self.two_parameters(depth)?;
                Node::Result(value, error)
            }
            "opaque" => Node::Opaque(self.name("the name of an opaque type")?),
            "leaf" => Node::Leaf(self.name("the name of a type without parts")?),
            leaf if LEAVES.contains(&leaf) => Node::Leaf(leaf.to_owned()),
            name => return self.named_here(name, token.line),
        }))
    }

    fn named_here(&mut self, name: &str, line: usize) -> Read<Type> {
        let label = self.label(name)?;
        Ok(Type::Named(self.named_type(&label, line)))
    }

    /// `<type>`
    fn parameters(&mut self, depth: usize) -> Read<NodeId> {
        self.sign('<')?;
        let inner = self.ty(depth)?;
        self.sign('>')?;
        Ok(inner)
    }

    /// `<type, type>`
    fn two_parameters(&mut self, depth: usize) -> Read<[NodeId; 2]> {
        self.sign('<')?;
        let first = self.ty(depth)?;
        self.sign(',')?;
        let second = self.ty(depth)?;
        self.sign('>')?;
        Ok([first, second])
    }

    fn tuple(&mut self, depth: usize) -> Read<Node> {
        let parts = self.list(')', |parser| parser.ty(depth))?;
        Ok(if parts.is_empty() { Node::Leaf("()".to_owned()) } else { Node::Tuple(parts) })
    }

    fn array(&mut self, depth: usize) -> Read<Node> {
        let inner = self.ty(depth)?;
        self.sign(';')?;
        let length = self.number("the length of an array")?;
        self.sign(']')?;
        Ok(Node::Array(inner, length))
    }

    /// Entries with commas between them, up to `end`.
    fn list<T>(&mut self, end: char, mut entry: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut all = Vec::new();
        while !self.accept(end) {
            all.push(entry(self)?);
            if !self.accept(',') {
                let token = self.peek();
                if token.kind != Kind::Sign(end) {
                    return Err(expected(&format!("`,` or `{end}`"), token));
                }
            }
        }
        Ok(all)
    }

    /// Entries that begin with a name, no two with the same one, up to `end`; `rest` reads what follows the name.
    fn members<T>(
        &mut self,
        end: char,
        what: &str,
        mut rest: impl FnMut(&mut Self, &str) -> Read<T>,
    ) -> Read<Vec<(String, T)>> {
        let mut met = BTreeSet::new();
        self.list(end, |parser| {
            let line = parser.peek().line;
            let name = parser.name(&format!("the {what}'s name"))?;
            if !met.insert(name.clone()) {
                return Err(Damaged::new(line, format!("the {what} `{name}` is here twice")));
            }
            let rest = rest(parser, &name)?;
            Ok((name, rest))
        })
    }

    /// A type's name together with the number behind it, if there is one.
    fn label(&mut self, name: &str) -> Read<String> {
        let name = written(name);
        if !self.accept('#') {
            return Ok(name);
        }
        Ok(format!("{name}#{}", self.number("the number of a type")?))
    }

    fn version(&mut self) -> Read<(u16, u16)> {
        let token = self.peek().clone();
        let wrong =
            |_| Damaged::new(token.line, "a version is a major and a minor number up to 65535, as in `1.1`");
        let major = self.number("a version, as in `1.1`")?;
        self.sign('.')?;
        let minor = self.number("the minor version")?;
        Ok((major.try_into().map_err(wrong)?, minor.try_into().map_err(wrong)?))
    }

    fn number(&mut self, what: &str) -> Read<u64> {
        let token = self.take();
        let found = match &token.kind {
            Kind::Word(word) if word.bytes().all(|b| b.is_ascii_digit()) => word.parse().ok(),
            _ => None,
        };
        found.ok_or_else(|| expected(what, &token))
    }

    fn name(&mut self, what: &str) -> Read<String> {
        let token = self.take();
        match token.kind {
            Kind::Word(word) if !word.starts_with(char::is_numeric) => Ok(word),
            Kind::Text(name) => Ok(name),
            _ => Err(expected(what, &token)),
        }
    }

    fn keyword(&mut self, word: &str) -> Read<()> {
        let token = self.take();
        let found = matches!(&token.kind, Kind::Word(found) if found == word);
        if found { Ok(()) } else { Err(expected(&format!("`{word}`"), &token)) }
    }

    fn sign(&mut self, sign: char) -> Read<()> {
        let token = self.take();
        if token.kind == Kind::Sign(sign) { Ok(()) } else { Err(expected(&format!("`{sign}`"), &token)) }
    }

    fn accept(&mut self, sign: char) -> bool {
        let found = self.peek().kind == Kind::Sign(sign);
        if found {
            self.take();
        }
        found
    }

    fn peek(&self) -> &Token {
        const END: &Token = &Token { line: 0, comments: Vec::new(), kind: Kind::End };
        self.tokens.get(self.next).or(self.tokens.last()).unwrap_or(END)
    }

    /// The next token; at the end, the end again.
    fn take(&mut self) -> Token {
        let mut token = self.peek().clone();
        if let Some(place) = self.tokens.get_mut(self.next) {
            self.pending.append(&mut place.comments);
            self.next += 1;
        }
        token.comments.clear();
        token
    }

    /// What was read last owns the comments since.
    fn comment(&mut self, of: String) {
        if !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            self.comments.entry(of).or_default().extend(pending);
        }
    }

    fn node(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId::at(self.nodes.len() - 1)
    }

    /// The node of a type, which may be declared further below.
    fn named_type(&mut self, label: &str, line: usize) -> NodeId {
        if let Some(known) = self.types.get(label) {
            return known.id;
        }
        let id = self.node(Node::Leaf(String::new()));
        self.types.insert(label.to_owned(), Known { id, line, declared: false });
        id
    }
}

fn expected(what: &str, found: &Token) -> Damaged {
    let found_here = match &found.kind {
        Kind::Word(word) => format!("`{word}`"),
        Kind::Text(text) => format!("\"{text}\""),
        Kind::Sign(sign) => format!("`{sign}`"),
        Kind::End => "the end of the file".to_owned(),
    };
    Damaged::new(found.line, format!("expected {what}, found {found_here}"))
}
