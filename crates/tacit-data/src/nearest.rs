//! The most similar name, for "did you mean".

/// The candidate with the smallest edit distance to `wanted`, ignoring case, if it is close enough
/// to be a plausible slip.
pub(crate) fn nearest<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let folded: Vec<char> = wanted.to_lowercase().chars().take(128).collect();
    let limit = (folded.len() / 3).max(2);
    candidates
        .into_iter()
        .map(|name| (distance(&folded, name), name))
        .min_by_key(|(d, _)| *d)
        .filter(|(d, _)| *d <= limit)
        .map(|(_, name)| name.to_owned())
}

/// Levenshtein distance with two rows of memory.
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().take(128).collect();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    let mut current = vec![0; b.len() + 1];
    for (i, &ca) in a.iter().enumerate() {
        current[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let substitute = previous[j] + usize::from(ca != cb);
            current[j + 1] = substitute.min(previous[j + 1] + 1).min(current[j] + 1);
        }
        std::mem::swap(&mut previous, &mut current);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let names = ["age", "bare_nuclei", "glucose"];
        assert_eq!(
            nearest("Bare_Nucleii", names).as_deref(),
            Some("bare_nuclei")
        );
        assert_eq!(nearest("glocuse", names).as_deref(), Some("glucose"));
        assert_eq!(nearest("postcode_of_residence", names), None);
        assert_eq!(nearest("x", []), None);
    }
}
