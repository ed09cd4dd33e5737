//! serde's `rename_all`. The wire carries no names of fields; the comparison of signatures does.

/// One of serde's conventions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Rule {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    /// A variant's name, which Rust writes in PascalCase.
    pub(super) fn variant(self, name: &str) -> String {
        match self {
            Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => lower_first(name),
            Self::Snake => snake(name),
            Self::ScreamingSnake => snake(name).to_ascii_uppercase(),
            Self::Kebab => snake(name).replace('_', "-"),
            Self::ScreamingKebab => snake(name).to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// A field's name, which Rust writes in snake_case.
    pub(super) fn field(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => pascal(name),
            Self::Camel => lower_first(&pascal(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (i, c) in name.char_indices() {
        if i > 0 && c.is_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn pascal(name: &str) -> String {
    let mut pascal = String::new();
    let mut capital = true;
    for c in name.chars() {
        if c == '_' {
            capital = true;
        } else {
            pascal.push(if capital { c.to_ascii_uppercase() } else { c });
            capital = false;
        }
    }
    pascal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_gives_what_serde_gives() {
        // The table in serde_derive's own tests: rule, a variant, two fields.
        for (rule, variant, field, short) in [
            ("lowercase", "verytasty", "very_tasty", "a"),
            ("UPPERCASE", "VERYTASTY", "VERY_TASTY", "A"),
            ("PascalCase", "VeryTasty", "VeryTasty", "A"),
            ("camelCase", "veryTasty", "veryTasty", "a"),
            ("snake_case", "very_tasty", "very_tasty", "a"),
            ("SCREAMING_SNAKE_CASE", "VERY_TASTY", "VERY_TASTY", "A"),
            ("kebab-case", "very-tasty", "very-tasty", "a"),
            ("SCREAMING-KEBAB-CASE", "VERY-TASTY", "VERY-TASTY", "A"),
        ] {
            let rule = Rule::named(rule).expect(rule);
            assert_eq!(rule.variant("VeryTasty"), variant, "{rule:?}");
            assert_eq!(rule.field("very_tasty"), field, "{rule:?}");
            assert_eq!(rule.field("a"), short, "{rule:?}");
        }
        assert_eq!(Rule::named("camelcase"), None);
    }
}
