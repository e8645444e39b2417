//! Ring all-reduce: every replica ends with the sum of all replicas' values, by messages to its neighbour alone.
//!
//! Patarasuk and Yuan 2009. The values are cut into as many chunks as there are replicas. In the first p - 1 rounds
//! (reduce-scatter) every replica sends one chunk to the next one, which adds it to its own; then each holds one whole
//! sum. In the second p - 1 rounds (all-gather) the sums go round and replace what stands there. So each replica
//! sends 2 (p - 1) messages of 1/p of the values, whatever p is.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What the receiver does with a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Receipt {
    /// Adds it to its own: reduce-scatter.
    Add,
    /// Puts it in place of its own: all-gather.
    Replace,
}

/// One message. Those of a round are under way at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// From 0 to 2 (p - 1) - 1.
    pub round: usize,
    pub from: usize,
    pub to: usize,
    /// Number of the chunk.
    pub chunk: usize,
    /// The elements in it; empty where there are fewer elements than replicas.
    pub elements: Range<usize>,
    pub receipt: Receipt,
}

/// All messages among `replicas` replicas of `length` elements, round after round; none for a single replica.
pub fn messages(replicas: usize, length: usize) -> Vec<Message> {
    let rounds = 2 * replicas.saturating_sub(1);
    let message = |round: usize, from: usize| {
        let (receipt, chunk) = if round < replicas - 1 {
            (Receipt::Add, (from + replicas - round) % replicas)
        } else {
            let round = round - (replicas - 1);
            (Receipt::Replace, (from + 1 + replicas - round) % replicas)
        };
        Message {
            round,
            from,
            to: (from + 1) % replicas,
            chunk,
            elements: chunk_of(chunk, replicas, length),
            receipt,
        }
    };
    (0..rounds)
        .flat_map(|round| (0..replicas).map(move |from| message(round, from)))
        .collect()
}

/// The elements of a chunk: all chunks are equally long, but for one element at most.
pub fn chunk_of(chunk: usize, replicas: usize, length: usize) -> Range<usize> {
    chunk * length / replicas..(chunk + 1) * length / replicas
}

/// Carries out all messages on the values of the replicas, which are equally long; `on_message` sees each with what it
/// carries, before it is received.
///
/// Every sum is added in one order, so all replicas end with the same bits.
///
/// # Panics
/// When the replicas are not equally long.
pub fn all_reduce(replicas: &mut [Vec<f32>], mut on_message: impl FnMut(&Message, &[f32])) {
    let length = replicas.first().map_or(0, Vec::len);
    assert!(
        replicas.iter().all(|values| values.len() == length),
        "replicas of one length"
    );
    // No message of a round carries what another one of it changes: replica w sends chunk w - round and receives
    // chunk w - 1 - round, so one after the other gives what all at once would give.
    for message in messages(replicas.len(), length) {
        let sent = replicas[message.from][message.elements.clone()].to_vec();
        on_message(&message, &sent);
        let received = &mut replicas[message.to][message.elements.clone()];
        match message.receipt {
            Receipt::Add => {
                for (own, sent) in received.iter_mut().zip(&sent) {
                    *own += sent;
                }
            }
            Receipt::Replace => received.copy_from_slice(&sent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_replica_ends_with_the_same_sum(
            replicas in 1_usize..9,
            length in 0_usize..40,
            seed in 0_u32..1000,
        ) {
            let value = |replica: usize, at: usize| {
                let mixed = (replica * 7919 + at * 104_729 + seed as usize) % 1009;
                mixed as f32 / 504.5 - 1.0
            };
            let mut values: Vec<Vec<f32>> = (0..replicas)
                .map(|replica| (0..length).map(|at| value(replica, at)).collect())
                .collect();
            let mut sent = vec![(0, 0); replicas];
            all_reduce(&mut values, |message, carried| {
                let (count, elements) = &mut sent[message.from];
                *count += 1;
                *elements += carried.len();
                assert_eq!(carried.len(), message.elements.len());
            });
            for (at, &sum) in values[0].iter().enumerate() {
                let exact: f64 = (0..replicas).map(|replica| f64::from(value(replica, at))).sum();
                prop_assert!((f64::from(sum) - exact).abs() < 1e-5);
            }
            for other in &values {
                let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(other), bits(&values[0]));
            }
            let carried: usize = sent.iter().map(|(_, elements)| elements).sum();
            prop_assert_eq!(carried, 2 * (replicas - 1) * length);
            for (count, _) in sent {
                prop_assert_eq!(count, 2 * (replicas - 1));
            }
        }
    }

    #[test]
    fn four_replicas_send_six_messages_each_and_never_two_to_one_place() {
        let all = messages(4, 10);
        assert_eq!(all.len(), 24);
        for round in 0..6 {
            let of_round: Vec<&Message> = all.iter().filter(|m| m.round == round).collect();
            assert_eq!(of_round.len(), 4);
            for message in &of_round {
                assert_eq!(message.to, (message.from + 1) % 4);
                // What is sent is not what is received in the same round.
                let received = of_round.iter().find(|m| m.to == message.from).unwrap();
                assert_ne!(received.chunk, message.chunk);
            }
        }
        let lengths: Vec<usize> = (0..4).map(|chunk| chunk_of(chunk, 4, 10).len()).collect();
        assert_eq!(lengths, [2, 3, 2, 3]);
        assert!(messages(1, 10).is_empty());
    }
}
