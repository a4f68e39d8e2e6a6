//! Figures for classes.

/// Area under the ROC curve: the probability that a random positive scores above a random
/// negative, ties counting half (the Mann–Whitney statistic on mid-ranks). `labels` above 0.5
/// are positive. `None` if a class is missing or a score is NaN.
pub fn auc(scores: &[f64], labels: &[f64]) -> Option<f64> {
    if scores.len() != labels.len() || scores.iter().any(|s| s.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let positives = labels.iter().filter(|&&y| y > 0.5).count();
    let negatives = labels.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let (mut rank_sum, mut start) = (0.0, 0);
    while start < order.len() {
        let value = scores[order[start]];
        let ties = order[start..]
            .iter()
            .take_while(|&&i| scores[i] == value)
            .count();
        let positive = order[start..start + ties]
            .iter()
            .filter(|&&i| labels[i] > 0.5)
            .count();
        // Ranks start+1 … start+ties share their mean.
        rank_sum += positive as f64 * (start as f64 + (ties as f64 + 1.0) / 2.0);
        start += ties;
    }
    let (p, n) = (positives as f64, negatives as f64);
    Some((rank_sum - p * (p + 1.0) / 2.0) / (p * n))
}

/// Mean of the one-vs-rest AUCs of all classes present; `scores` holds `classes` per row.
pub fn macro_auc(scores: &[f64], classes: usize, labels: &[f64]) -> Option<f64> {
    if classes == 0 || scores.len() != classes * labels.len() {
        return None;
    }
    let of_class = |k: usize| {
        let column: Vec<f64> = scores.iter().skip(k).step_by(classes).copied().collect();
        let is_k: Vec<f64> = labels
            .iter()
            .map(|&y| f64::from(u8::from(y == k as f64)))
            .collect();
        auc(&column, &is_k)
    };
    let all: Vec<f64> = (0..classes).filter_map(of_class).collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

/// Unweighted mean over the classes that occur (in labels or predictions) of
/// `F1 = 2·tp/(2·tp + fp + fn)`.
pub fn macro_f1(predicted: &[usize], labels: &[f64], classes: usize) -> f64 {
    let (mut sum, mut present) = (0.0, 0);
    for k in 0..classes {
        let (mut hits, mut claims, mut cases) = (0, 0, 0);
        for (&p, &y) in predicted.iter().zip(labels) {
            let (claimed, is) = (p == k, y == k as f64);
            hits += usize::from(claimed && is);
            claims += usize::from(claimed);
            cases += usize::from(is);
        }
        if claims + cases > 0 {
            sum += 2.0 * hits as f64 / (claims + cases) as f64;
            present += 1;
        }
    }
    if present == 0 {
        0.0
    } else {
        sum / f64::from(present)
    }
}

/// Accuracy of always answering the most frequent label; 0 without labels.
pub fn majority_floor(labels: &[f64]) -> f64 {
    let mut sorted = labels.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let largest = sorted
        .chunk_by(|a, b| a == b)
        .map(<[f64]>::len)
        .max()
        .unwrap_or(0);
    if labels.is_empty() {
        0.0
    } else {
        largest as f64 / labels.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn auc_is_the_share_of_ordered_pairs(
            rows in prop::collection::vec((0u8..6, any::<bool>()), 2..40),
        ) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let labels: Vec<f64> = rows.iter().map(|r| f64::from(u8::from(r.1))).collect();
            let (mut good, mut pairs) = (0.0, 0.0);
            for (&s, &y) in scores.iter().zip(&labels) {
                for (&t, &z) in scores.iter().zip(&labels) {
                    if y == 1.0 && z == 0.0 {
                        pairs += 1.0;
                        good += if s > t { 1.0 } else if s == t { 0.5 } else { 0.0 };
                    }
                }
            }
            match auc(&scores, &labels) {
                Some(value) => prop_assert!((value - good / pairs).abs() < 1e-12),
                None => prop_assert_eq!(pairs, 0.0),
            }
        }
    }

    #[test]
    fn all_ties_are_a_coin() {
        assert_eq!(auc(&[1.0; 4], &[0.0, 1.0, 0.0, 1.0]), Some(0.5));
    }

    #[test]
    fn f1_by_hand() {
        // Class 0: tp 1, fp 1, fn 0 → 2/3. Class 1: tp 1, fp 0, fn 1 → 2/3. Class 2 absent.
        let value = macro_f1(&[0, 0, 1], &[0.0, 1.0, 1.0], 3);
        assert!((value - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn floor_is_the_largest_class() {
        assert_eq!(majority_floor(&[2.0, 0.0, 2.0, 1.0]), 0.5);
        assert_eq!(majority_floor(&[]), 0.0);
    }

    #[test]
    fn macro_auc_averages_the_classes() {
        let scores = [3.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 3.0];
        assert_eq!(macro_auc(&scores, 3, &[0.0, 1.0, 2.0]), Some(1.0));
        assert_eq!(macro_auc(&scores, 3, &[0.0, 1.0]), None);
    }
}
