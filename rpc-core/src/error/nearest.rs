//! The name that somebody may have meant.

/// The one of `names` that is nearest to `wanted`, if it is near: at most a third of the longer one's letters differ, and
/// upper and lower case are alike. Takes time in proportion to the letters of `wanted` and of all names.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = letters(wanted);
    let near = |name: &'a str| {
        let letters = letters(name);
        let distance = apart(&wanted, &letters);
        (3 * distance <= wanted.len().max(letters.len())).then_some((distance, name))
    };
    names.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// How many letters must be put in, left out or replaced to make one name of the other (Levenshtein's distance); upper and
/// lower case are alike. Takes time in proportion to the product of the lengths.
pub(crate) fn distance(one: &str, other: &str) -> usize {
    apart(&letters(one), &letters(other))
}

fn letters(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Levenshtein's distance, a row at a time.
fn apart(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, a) in one.iter().enumerate() {
        let mut left = above + 1;
        let mut corner = above;
        for (b, cell) in other.iter().zip(row.iter_mut().skip(1)) {
            let replaced = corner + usize::from(a != b);
            corner = *cell;
            left = replaced.min(left + 1).min(corner + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_levenshteins() {
        for (one, other, apart) in [
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("abc", "", 3),
            ("", "", 0),
            ("sell", "cell", 1),
            ("sell", "sells", 1),
            ("flaw", "lawn", 2),
            ("Bank", "bank", 0),
        ] {
            assert_eq!(distance(one, other), apart, "{one} {other}");
            assert_eq!(distance(other, one), apart, "{other} {one}");
        }
    }

    #[test]
    fn the_nearest_of_several_names_is_taken() {
        assert_eq!(nearest("BoxOfice", ["Box", "BoxOffices", "BoxOffice"]), Some("BoxOffice"));
        assert_eq!(nearest("box_office", ["BoxOffice"]), Some("BoxOffice"));
    }

    #[test]
    fn a_name_that_has_little_in_common_is_not_suggested() {
        assert_eq!(nearest("Bank", ["BoxOffice", "Opera"]), None);
        assert_eq!(nearest("", ["A"]), None);
    }
}
