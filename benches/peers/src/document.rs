//! Figures in documents, written by the program: what stands between `<!-- figures: NAME -->` and `<!-- /figures -->` is replaced.

use crate::Failure;
use std::path::Path;

const OPEN: &str = "<!-- figures: ";
const CLOSE: &str = "<!-- /figures -->";

/// Rewrites the blocks of a file; `of` gives the text of each by its name.
pub(crate) fn rewrite(path: &Path, of: impl Fn(&str) -> Option<String>) -> Result<(), Failure> {
    let in_file = |failure: &dyn std::fmt::Display| format!("{}: {failure}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| in_file(&error))?;
    let rewritten = replaced(&text, of).map_err(|failure| in_file(&failure))?;
    Ok(std::fs::write(path, rewritten).map_err(|error| in_file(&error))?)
}

fn replaced(text: &str, of: impl Fn(&str) -> Option<String>) -> Result<String, Failure> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        let (before, block) = rest.split_at(at);
        let (name, inside) = block[OPEN.len()..].split_once(" -->").ok_or("a block's name has no end")?;
        let (_, after) = inside.split_once(CLOSE).ok_or_else(|| format!("the block {name} has no end"))?;
        let figures = of(name).ok_or_else(|| format!("there are no figures called {name}"))?;
        out += &format!("{before}{OPEN}{name} -->\n\n{}\n\n{CLOSE}", figures.trim());
        rest = after;
    }
    if out.is_empty() {
        return Err("no block of figures".into());
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Option<String> {
        (name == "a").then(|| "new".to_owned())
    }

    #[test]
    fn only_what_stands_within_a_block_is_replaced_and_again_gives_the_same() {
        let text = "x\n<!-- figures: a -->\nold\n<!-- /figures -->\ny <!-- figures: a --><!-- /figures --> z";
        let once = replaced(text, of).unwrap();
        let block = "<!-- figures: a -->\n\nnew\n\n<!-- /figures -->";
        assert_eq!(once, format!("x\n{block}\ny {block} z"));
        assert_eq!(replaced(&once, of).unwrap(), once);
    }

    #[test]
    fn a_block_without_an_end_without_figures_or_none_at_all_is_an_error() {
        for text in ["<!-- figures: a -->", "<!-- figures: b --><!-- /figures -->", "nothing"] {
            assert!(replaced(text, of).is_err(), "{text}");
        }
    }
}
