//! The last steps to the smallest sequence: operations are left out one by one, wherever they are.

use crate::operations::{Op, Sequence};

/// Leaves out what the sequence needs not for `fails` to say why it fails.
pub fn smallest(
    mut sequence: Sequence,
    mut why: String,
    fails: impl Fn(&Sequence) -> Option<String>,
) -> (Sequence, String) {
    let mut place = 0;
    while place < count(&sequence.ops) {
        let mut smaller = sequence.clone();
        leave_out(&mut smaller.ops, &mut { place });
        match fails(&smaller) {
            Some(still) => (sequence, why) = (smaller, still),
            None => place += 1,
        }
    }
    (sequence, why)
}

fn count(ops: &[Op]) -> usize {
    ops.iter().map(|op| 1 + op.inner().map_or(0, |inner| count(inner))).sum()
}

/// Takes out the operation at that place, counted through all depths. Returns whether it was there.
fn leave_out(ops: &mut Vec<Op>, place: &mut usize) -> bool {
    for at in 0..ops.len() {
        if *place == 0 {
            ops.remove(at);
            return true;
        }
        *place -= 1;
        if ops[at].inner_mut().is_some_and(|inner| leave_out(inner, place)) {
            return true;
        }
    }
    false
}
