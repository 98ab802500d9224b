//! A digest of bytes that is the same on every machine: FNV-1a over 128 bits (Fowler, Noll, Vo;
//! draft-eastlake-fnv). It finds what was damaged or has changed, and is no protection against anybody.

const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// A digest under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Digest(u128);

impl Default for Digest {
    fn default() -> Self {
        Self(BASIS)
    }
}

impl Digest {
    /// That of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = Self::default();
        digest.feed(bytes);
        digest
    }

    /// Takes in more bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// Takes in a text and where it ends, so that `ab` `c` differs from `a` `bc`.
    pub fn feed_text(&mut self, text: &str) {
        self.feed(&(text.len() as u64).to_le_bytes());
        self.feed(text.as_bytes());
    }

    /// 32 hexadecimal digits.
    #[must_use]
    pub fn text(self) -> String {
        format!("{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn it_agrees_with_the_published_vectors() {
        // draft-eastlake-fnv, section on test vectors: "" and "a" and "foobar".
        assert_eq!(Digest::of(b"").text(), "6c62272e07bb014262b821756295c58d");
        assert_eq!(Digest::of(b"a").text(), "d228cb696f1a8caf78912b704e4a8964");
        assert_eq!(Digest::of(b"foobar").text(), "343e1662793c64bf6f0d3597ba446f18");
    }

    #[test]
    fn where_a_text_ends_counts() {
        let of = |texts: &[&str]| {
            let mut digest = Digest::default();
            texts.iter().for_each(|text| digest.feed_text(text));
            digest
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    }
}
