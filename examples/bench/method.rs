//! A method that is known at run time only, by the lock file of its service.

use crate::service::BenchClient;
use crate::typed::{Typed, is_numbered};
use carnegie::__dynamic::{
    Argument, Binding, Descriptor, Encoder, Failure, Lock, Method, NodeId, Reply, Returns, Signature, Types,
    Unencodable, Verdict, arguments,
};
use carnegie::{Call, Client, CodecId, Error};
use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;

/// Any mistake in the command line or in the files that it names.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The method of [`crate::service`] that is called unless another one is named.
const ECHO: &str = "echo";

/// Arguments that a method may have here: there is a function for each of them.
const ARGUMENTS_MAX: usize = 16;

/// The method that this process calls. Stubs and tables of methods are known to a compiler as a rule, and so are made of
/// functions without a memory: what they tell of this one they find here.
static CALLED: OnceLock<Called> = OnceLock::new();

struct Called {
    service: Descriptor,
    signature: Signature,
}

/// A method, with arguments for its calls.
pub(crate) struct Chosen {
    pub(crate) path: &'static str,
    name: &'static str,
    pub(crate) idempotent: bool,
    arguments: Arguments,
}

enum Arguments {
    /// The same in every call, encoded.
    Same(Vec<u8>),
    /// To be encoded for each call, since its number is in them.
    Numbered(Vec<Value>),
}

impl Chosen {
    /// The bench's own method, with so many bytes.
    pub(crate) fn echo(payload: usize) -> Result<Chosen> {
        let text = "x".repeat(payload);
        Chosen::new(&Lock::of(BenchClient::descriptor()), ECHO, Value::Array(vec![Value::String(text)]))
    }

    /// A method of the service that this lock file describes, with arguments in JSON: an array, or an object by their names.
    pub(crate) fn of_file(file: &Path, method: &str, json: &str) -> Result<Chosen> {
        let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let lock = Lock::parse(&text).map_err(|damaged| format!("{}: {damaged}", file.display()))?;
        let json = serde_json::from_str(json).map_err(|e| format!("--args is no JSON: {e}"))?;
        let name = match method.rsplit_once('.') {
            Some((service, name)) if service == lock.service() => name,
            Some((service, _)) => {
                let file = file.display();
                return Err(format!("{file} describes {}, not {service}", lock.service()).into());
            }
            None => method,
        };
        Chosen::new(&lock, name, json)
    }

    fn new(lock: &Lock, name: &str, json: Value) -> Result<Chosen> {
        let found = lock.signatures().find(|(known, _)| *known == name);
        let (Some((_, signature)), Some(idempotent)) = (found, lock.is_idempotent(name)) else {
            let known: Vec<_> = lock.signatures().map(|(known, _)| known.to_owned()).collect();
            let (service, known) = (lock.service(), known.join(", "));
            return Err(format!("{service} has no method {name}; its methods are {known}").into());
        };
        let values = in_order(&signature, json)?;
        let arguments = if values.iter().any(is_numbered) {
            // One call's worth, so that a mistake is told at once.
            encode(&signature, &values, 0).map_err(|why| format!("--args: {why}"))?;
            Arguments::Numbered(values)
        } else {
            Arguments::Same(encode(&signature, &values, 0).map_err(|why| format!("--args: {why}"))?)
        };
        let service = descriptor(lock, name, idempotent, &signature)?;
        let called = CALLED.get_or_init(|| Called { service, signature });
        let Method { name, path, .. } = called.service.methods[0];
        Ok(Chosen { path, name, idempotent, arguments })
    }

    /// Whether the server has the method, and understands it as the lock file does. If not, a call says why: it goes nowhere.
    pub(crate) fn is_there(&self, server: &MethodClient) -> bool {
        server.supports(self.name)
    }

    pub(crate) fn call<'a>(&self, server: &'a MethodClient, number: u64) -> Call<'a, Answer> {
        let out = arguments(&server.0);
        let out = match (&self.arguments, CALLED.get()) {
            (Arguments::Same(bytes), _) => out.encoded(bytes),
            (Arguments::Numbered(values), Some(Called { signature, .. })) => typed(signature, values, number)
                .fold(out, |out, (_, value)| out.value(&value, |value, out| out.plain(value))),
            (Arguments::Numbered(_), None) => out,
        };
        out.call(0)
    }
}

/// The arguments' values in the order of the signature.
fn in_order(signature: &Signature, json: Value) -> Result<Vec<Value>> {
    let names: Vec<_> = signature.arguments().map(|(name, _)| name).collect();
    let wanted = match names.len() {
        0 => "no arguments are wanted".to_owned(),
        _ => format!("wanted are {}", names.join(", ")),
    };
    match json {
        Value::Array(all) if all.len() == names.len() => Ok(all),
        Value::Array(all) => Err(format!("--args: {} arguments; {wanted}", all.len()).into()),
        Value::Object(mut all) => {
            let values = names.iter().map(|name| all.remove(*name).unwrap_or(Value::Null)).collect();
            match all.keys().next() {
                Some(other) => Err(format!("--args: there is no argument {other}; {wanted}").into()),
                None => Ok(values),
            }
        }
        other => {
            Err(format!("--args: an array, or an object with the arguments' names, not {other}; {wanted}")
                .into())
        }
    }
}

fn typed<'a>(
    signature: &'a Signature,
    values: &'a [Value],
    number: u64,
) -> impl Iterator<Item = (&'a str, Typed<'a>)> {
    let typed = move |((name, ty), json)| (name, Typed { signature, ty, json, number });
    signature.arguments().zip(values).map(typed)
}

/// In bincode, which is what a channel offers that was not told otherwise.
fn encode(signature: &Signature, values: &[Value], number: u64) -> std::result::Result<Vec<u8>, Unencodable> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, CodecId::Bincode);
    for (name, value) in typed(signature, values, number) {
        encoder.plain(&value).map_err(|why| Unencodable::new(format_args!("{name}: {why}")))?;
    }
    Ok(bytes)
}

/// A service with this method alone. What is in it stays for the rest of the process.
fn descriptor(lock: &Lock, name: &str, idempotent: bool, signature: &Signature) -> Result<Descriptor> {
    let count = signature.arguments().len();
    if count > ARGUMENTS_MAX {
        return Err(format!("{name} has {count} arguments; {ARGUMENTS_MAX} are allowed").into());
    }
    let (service, name): (&_, &_) = (lock.service().to_owned().leak(), name.to_owned().leak());
    let argument = |((name, _), describe): ((&str, NodeId), &_)| Argument {
        name: name.to_owned().leak(),
        describe: *describe,
    };
    let arguments: Vec<Argument> = signature.arguments().zip(&DESCRIBE).map(argument).collect();
    let method = Method {
        name,
        path: format!("{service}.{name}").leak(),
        idempotent,
        blocking: false,
        timeout: None,
        since: None,
        arguments: arguments.leak(),
        returns: Answer::describe,
    };
    Ok(Descriptor { name: service, version: lock.version(), methods: vec![method].leak() })
}

/// Describes one argument each.
const DESCRIBE: [fn(&mut Types) -> NodeId; ARGUMENTS_MAX] = [
    argument::<0>,
    argument::<1>,
    argument::<2>,
    argument::<3>,
    argument::<4>,
    argument::<5>,
    argument::<6>,
    argument::<7>,
    argument::<8>,
    argument::<9>,
    argument::<10>,
    argument::<11>,
    argument::<12>,
    argument::<13>,
    argument::<14>,
    argument::<15>,
];

fn argument<const PLACE: usize>(types: &mut Types) -> NodeId {
    described(types, |signature| signature.arguments().nth(PLACE).map(|(_, ty)| ty))
}

fn described(types: &mut Types, which: impl FnOnce(&Signature) -> Option<NodeId>) -> NodeId {
    let signature = CALLED.get().map(|called| &called.signature);
    match signature.and_then(|signature| Some((signature, which(signature)?))) {
        Some((signature, ty)) => types.include(signature, ty),
        None => types.opaque(""),
    }
}

/// The stub of a service with one method.
#[derive(Clone)]
pub(crate) struct MethodClient(Binding);

impl Client for MethodClient {
    /// # Panics
    /// If no method was chosen before.
    fn descriptor() -> &'static Descriptor {
        &CALLED.get().expect("a method is chosen before anything is bound").service
    }

    fn from_binding(binding: Binding) -> Self {
        Self(binding)
    }

    fn as_binding(client: &Self) -> &Binding {
        &client.0
    }
}

/// As a return type: whatever the method returns. Its bytes came, and are not looked at.
pub(crate) struct Answer;

impl Returns for Answer {
    type Output = std::result::Result<Verdict, Error>;

    fn describe(types: &mut Types) -> NodeId {
        described(types, |signature| Some(signature.returns()))
    }

    /// Not called: nobody serves such a method.
    fn encode(&mut self, _: &mut Encoder<'_>) -> std::result::Result<Verdict, Failure> {
        Ok(Verdict::Ok)
    }

    fn decode(reply: std::result::Result<&Reply, Error>) -> Self::Output {
        reply.map(|reply| reply.verdict)
    }
}
