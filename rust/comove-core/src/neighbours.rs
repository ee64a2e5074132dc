//! The nearest of some past rows of features.
//!
//! All distances are computed: of a few thousand rows of ten features that takes less than to walk a tree. The sum of
//! squares runs over the features in their order, none of its steps fused, and of equal distances the row that comes
//! first is nearer, so that the answer depends on the numbers alone.

/// Rows whose sums are kept in registers while the features pass.
const BLOCK: usize = 8;

/// The nearest rows of each question, the nearest first: squared distances and places, `neighbours` of each.
///
/// # Arguments
/// `library` has a column a feature, one after another, of `rows` numbers each; `questions` has a row a question, one
/// after another, of as many numbers as there are features. All are finite.
///
/// # Panics
/// Where the lengths do not fit, or `neighbours` is more than `rows`; the caller has checked both.
///
/// # Complexity
/// questions * rows * features products, and about neighbours * ln(rows / neighbours) moves of up to `neighbours`
/// numbers a question.
pub fn nearest(library: &[f64], rows: usize, questions: &[f64], neighbours: usize) -> (Vec<f64>, Vec<i64>) {
    assert!(neighbours <= rows, "more neighbours than rows");
    let features = library.len() / rows.max(1);
    assert!(library.len() == features * rows, "a column is cut");
    let asked = questions.len() / features.max(1);
    let mut distances = Vec::with_capacity(asked * neighbours);
    let mut places = Vec::with_capacity(asked * neighbours);
    let mut squares = vec![0.0; rows];
    let mut best: Vec<(f64, usize)> = Vec::with_capacity(neighbours + 1);
    for question in questions.chunks_exact(features.max(1)) {
        square_distances(library, rows, question, &mut squares);
        best.clear();
        for (place, &square) in squares.iter().enumerate() {
            if best.len() == neighbours {
                // Of equals the first is there already.
                if best.last().is_none_or(|&(most, _)| square >= most) {
                    continue;
                }
                best.pop();
            }
            let at = best.partition_point(|&(other, _)| other <= square);
            best.insert(at, (square, place));
        }
        for &(square, place) in &best {
            distances.push(square);
            places.push(i64::try_from(place).unwrap_or(i64::MAX));
        }
    }
    (distances, places)
}

fn square_distances(library: &[f64], rows: usize, question: &[f64], squares: &mut [f64]) {
    let whole = rows - rows % BLOCK;
    for first in (0..whole).step_by(BLOCK) {
        let mut sums = [0.0; BLOCK];
        for (feature, &asked) in question.iter().enumerate() {
            let column = &library[feature * rows + first..feature * rows + first + BLOCK];
            for (sum, &value) in sums.iter_mut().zip(column) {
                let apart = value - asked;
                *sum += apart * apart;
            }
        }
        squares[first..first + BLOCK].copy_from_slice(&sums);
    }
    for (place, square) in squares.iter_mut().enumerate().skip(whole) {
        *square = question.iter().enumerate().fold(0.0, |sum, (feature, &asked)| {
            let apart = library[feature * rows + place] - asked;
            sum + apart * apart
        });
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    fn plain(library: &[f64], rows: usize, question: &[f64], neighbours: usize) -> (Vec<f64>, Vec<i64>) {
        let mut all: Vec<(f64, i64)> = (0..rows)
            .map(|row| {
                let square = question.iter().enumerate().map(|(feature, &asked)| {
                    let apart = library[feature * rows + row] - asked;
                    apart * apart
                });
                (square.fold(0.0, |sum, each| sum + each), i64::try_from(row).unwrap_or(-1))
            })
            .collect();
        all.sort_by(|one, other| one.0.total_cmp(&other.0));
        all.truncate(neighbours);
        all.into_iter().unzip()
    }

    #[test]
    fn the_same_as_all_distances_sorted_with_ties_in_the_order_of_rows() {
        for rows in [1, 7, 8, 9, 64, 101] {
            // Whole numbers of few values, so that many distances are equal.
            let library: Vec<f64> = (0..3 * rows).map(|at| ((at * 7919) % 5) as f64).collect();
            let questions = [1.0, 2.0, 3.0, 0.0, 4.0, 1.5];
            for neighbours in [1, rows.div_ceil(3), rows] {
                let (distances, places) = nearest(&library, rows, &questions, neighbours);
                for (at, question) in questions.chunks_exact(3).enumerate() {
                    let (squares, order) = plain(&library, rows, question, neighbours);
                    let own = at * neighbours..(at + 1) * neighbours;
                    assert_eq!(distances[own.clone()], squares, "{rows} rows");
                    assert_eq!(places[own], order, "{rows} rows");
                }
            }
        }
    }

    #[test]
    fn no_questions_have_no_neighbours() {
        assert_eq!(nearest(&[1.0, 2.0], 2, &[], 1), (vec![], vec![]));
    }
}
