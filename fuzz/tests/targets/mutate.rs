//! Mutations of a corpus, by seed: what a fuzzer does without knowing what its inputs lead to.

/// Numbers at which readers of lengths and counts go wrong.
const EDGES: [u32; 12] = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, u32::MAX];
/// Mutations of one input, at most.
const MOST: u64 = 6;
/// The longest input.
const LONGEST: usize = 1 << 16;

/// Makes inputs out of others.
#[derive(Clone, Debug)]
pub(crate) struct Mutator {
    state: u64,
}

impl Mutator {
    /// The same seed makes the same inputs.
    pub(crate) fn new(seed: u64) -> Mutator {
        Mutator { state: seed | 1 }
    }

    /// The next number (xorshift64*, Vigna 2016).
    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound.max(1)
    }

    /// An input that was made of one of these, or of two.
    pub(crate) fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus.get(self.below(corpus.len())).cloned().unwrap_or_default();
        for _ in 0..=self.next() % MOST {
            let other = corpus.get(self.below(corpus.len())).map_or(&[][..], Vec::as_slice);
            self.mutate(&mut input, other);
        }
        input.truncate(LONGEST);
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(input.len() + 1);
        let rest = input.len() - at;
        match self.next() % 9 {
            0 if rest > 0 => input[at] ^= 1 << (self.next() % 8),
            1 if rest > 0 => input[at] = self.next() as u8,
            2 if rest > 0 => input[at] = input[at].wrapping_add((self.next() % 9) as u8).wrapping_sub(4),
            // A number of one, two or four bytes, in either order.
            3 => {
                let edge = EDGES[self.below(EDGES.len())];
                let bytes = if self.next().is_multiple_of(2) { edge.to_le_bytes() } else { edge.to_be_bytes() };
                let width = (1 << (self.next() % 3)).min(rest);
                let from = if self.next().is_multiple_of(2) { 0 } else { bytes.len() - width };
                input[at..at + width].copy_from_slice(&bytes[from..from + width]);
            }
            4 => input.truncate(at),
            5 if rest > 0 => {
                let length = 1 + self.below(rest.min(32));
                input.drain(at..at + length);
            }
            6 => {
                let random: Vec<u8> = (0..1 + self.below(16)).map(|_| self.next() as u8).collect();
                input.splice(at..at, random);
            }
            // A part of it twice, or one of another.
            7 if rest > 0 => {
                let piece = input[at..at + 1 + self.below(rest.min(64))].to_vec();
                let to = self.below(input.len());
                input.splice(to..to, piece);
            }
            _ if !other.is_empty() => {
                let from = self.below(other.len());
                let length = 1 + self.below((other.len() - from).min(256));
                let replaced = length.min(rest) * (self.next() % 2) as usize;
                input.splice(at..at + replaced, other[from..from + length].iter().copied());
            }
            _ => input.push(self.next() as u8),
        }
    }
}

#[test]
fn a_seed_makes_the_same_inputs() {
    let corpus = [b"GET / HTTP/1.1\r\n".to_vec(), vec![7; 40]];
    let made = |seed| {
        let mut mutator = Mutator::new(seed);
        (0..1000).map(|_| mutator.input(&corpus)).collect::<Vec<_>>()
    };
    assert!(made(1) == made(1) && made(1) != made(3));
    assert!(made(1).iter().filter(|input| !corpus.contains(input)).count() > 900);
}

#[test]
fn an_empty_corpus_has_mutations_too() {
    let mut mutator = Mutator::new(5);
    assert!((0..100).any(|_| !mutator.input(&[]).is_empty()));
}
