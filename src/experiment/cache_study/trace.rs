//! Sequences of keys: read from a recorded trace, or drawn from a popularity.
//!
//! Keys become consecutive numbers as they appear, so that a trace takes 4 bytes an access, 4 more if it
//! has sizes, and about 20 a key. What is longer than [`MOST_ACCESSES`] is refused, not cut.
//!
//! | name | form |
//! |---|---|
//! | `*.trc`, `*.trc.bin` | big-endian keys of 32 bits |
//! | any other | CSV: `key` or `key,size` without a header; with one, the columns `key` and `size` in any order, others are ignored. `#` begins a comment. Tabs, semicolons, or spaces below a header may stand for commas |
//!
//! With `.gz` or `.bz2` behind it the file is unpacked while it is read. Keys of a CSV may be any text.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::popularity::Popularity;
use crate::base::random::{Key, StreamName};
use crate::document::{Code, Fault};

/// The longest trace that is read: 400 MB of memory, or 800 MB with sizes.
pub const MOST_ACCESSES: usize = 100_000_000;

/// The longest line of a CSV, so that no file can fill the memory.
const LONGEST_LINE: usize = 1 << 20;

/// A sequence of accesses to keys `0..keys`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    ids: Vec<u32>,
    sizes: Option<Vec<u32>>,
    keys: usize,
}

/// A trace that is being put together.
#[derive(Default)]
struct Builder {
    numbers: FxHashMap<u64, u32>,
    ids: Vec<u32>,
}

impl Builder {
    /// Takes in one access; whether there was room for it.
    #[inline]
    fn push(&mut self, key: u64) -> bool {
        let fresh = self.numbers.len() as u32;
        self.ids.push(*self.numbers.entry(key).or_insert(fresh));
        self.ids.len() <= MOST_ACCESSES
    }

    fn finish(self, sizes: Option<Vec<u32>>) -> Result<Trace, Fault> {
        if self.ids.is_empty() {
            return Err(bad("there are no accesses in it"));
        }
        Ok(Trace { keys: self.numbers.len(), ids: self.ids, sizes })
    }
}

/// A reader that fails once it has given more than is left to be given.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.left.get());
        if most == 0 && !buffer.is_empty() {
            return Err(io::Error::other("a line is longer than 1 MiB"));
        }
        let read = self.inner.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - read);
        Ok(read)
    }
}

fn bad(message: impl Into<String>) -> Fault {
    let help = "a trace is a CSV with a key a line, or `key,size`, or a binary `.trc` of 32-bit keys";
    Fault::new(Code::BadTrace, message, help)
}

fn too_long() -> Fault {
    let help = "cut it, or sample its keys (all accesses of every n-th key, at a cache n times smaller)";
    Fault::new(
        Code::BadTrace,
        format!("it has more than {} million accesses", MOST_ACCESSES / 1_000_000),
        help,
    )
}

/// How much of a text is looked at for what divides its columns.
const HEAD: u64 = 4096;

/// What divides the columns, by the first line that is no comment.
fn delimiter(head: &[u8]) -> Result<u8, Fault> {
    let line = head
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty() && !line.starts_with(b"#"))
        .unwrap_or_default();
    if let Some(delimiter) = [b',', b'\t', b';'].into_iter().find(|byte| line.contains(byte)) {
        return Ok(delimiter);
    }
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
    let is_key = |word: &&[u8]| word.eq_ignore_ascii_case(b"key") || word.eq_ignore_ascii_case(b"obj_id");
    if words.len() > 1 && words.iter().any(is_key) {
        return Ok(b' ');
    }
    // A key may be any text, but rows of numbers are columns, and which of them is the key is not said.
    if words.len() > 1 && words.iter().all(|word| word.iter().all(u8::is_ascii_digit)) {
        let message = "line 1 holds several numbers, and nothing says which of them is the key";
        return Err(Fault::new(Code::BadTrace, message, "write a first line such as `time key size`"));
    }
    Ok(b',')
}

impl Trace {
    /// Reads the file at `path`, unpacking it by its name.
    ///
    /// # Errors
    /// Says why the file cannot be read, and in which line it is wrong.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let unreadable =
            |error: io::Error| Fault::new(Code::UnreadableFile, format!("{}: {error}", path.display()), "");
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(Fault::new(Code::UnreadableFile, format!("{} is a folder", path.display()), ""));
        }
        let file = BufReader::new(file);
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let (name, reader): (&str, Box<dyn Read>) = if let Some(inner) = name.strip_suffix(".gz") {
            (inner, Box::new(flate2::bufread::MultiGzDecoder::new(file)))
        } else if let Some(inner) = name.strip_suffix(".bz2") {
            (inner, Box::new(bzip2::bufread::MultiBzDecoder::new(file)))
        } else {
            (&name, Box::new(file))
        };
        let binary = name.ends_with(".trc") || name.ends_with(".trc.bin");
        let trace = if binary { Self::read_binary(reader) } else { Self::read_csv(reader) };
        trace.map_err(|fault| Fault { message: format!("{}: {}", path.display(), fault.message), ..fault })
    }

    /// Big-endian keys of 32 bits.
    ///
    /// # Errors
    /// The reader's, a length that is no multiple of four, none or too many accesses.
    pub fn read_binary(mut reader: impl Read) -> Result<Self, Fault> {
        let mut builder = Builder::default();
        let mut buffer = vec![0_u8; 1 << 16];
        let mut kept = 0;
        loop {
            let read = reader.read(&mut buffer[kept..]).map_err(|error| bad(error.to_string()))?;
            if read == 0 {
                break;
            }
            let whole = (kept + read) / 4 * 4;
            for bytes in buffer[..whole].as_chunks::<4>().0 {
                if !builder.push(u64::from(u32::from_be_bytes(*bytes))) {
                    return Err(too_long());
                }
            }
            buffer.copy_within(whole..kept + read, 0);
            kept = kept + read - whole;
        }
        if kept > 0 {
            return Err(bad("its length is no multiple of 4 bytes, so it is cut or no `.trc`"));
        }
        builder.finish(None)
    }

    /// Lines of `key` or `key,size`, or with a header that names these columns.
    ///
    /// # Errors
    /// The first line that is wrong, none or too many accesses.
    pub fn read_csv(mut reader: impl Read) -> Result<Self, Fault> {
        let mut head = Vec::new();
        reader.by_ref().take(HEAD).read_to_end(&mut head).map_err(|error| bad(error.to_string()))?;
        let delimiter = delimiter(&head)?;
        let reader = io::Cursor::new(head).chain(reader);
        let left = Rc::new(Cell::new(LONGEST_LINE));
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .delimiter(delimiter)
            .flexible(true)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(Bounded { inner: reader, left: Rc::clone(&left) });
        let (mut builder, mut sizes) = (Builder::default(), Vec::new());
        let mut columns: Option<(usize, Option<usize>)> = None;
        let mut record = csv::ByteRecord::new();
        let mut last = 0;
        loop {
            left.set(LONGEST_LINE);
            let more = reader
                .read_byte_record(&mut record)
                .map_err(|error| bad(format!("after line {last}: {error}")))?;
            if !more {
                break;
            }
            // The record's own position is that of the comments before it.
            let before = record.position().map_or(last, csv::Position::line);
            last = before.max(reader.position().line().saturating_sub(1));
            let (key, size) = if let Some(columns) = columns {
                columns
            } else {
                let named = |names: [&str; 2]| {
                    let is =
                        |cell: &[u8]| names.iter().any(|name| cell.eq_ignore_ascii_case(name.as_bytes()));
                    record.iter().position(is)
                };
                if let Some(key) = named(["key", "obj_id"]) {
                    columns = Some((key, named(["size", "obj_size"])));
                    continue;
                }
                *columns.insert((0, (record.len() > 1).then_some(1)))
            };
            let cell = |at: usize| {
                let cell = record.get(at).filter(|cell| !cell.is_empty());
                cell.ok_or_else(|| bad(format!("line {last} has no column {}", at + 1)))
            };
            if let Some(at) = size {
                let text = String::from_utf8_lossy(cell(at)?);
                let size = text.parse::<u32>().map_err(|_| {
                    bad(format!(
                        "line {last}: the size `{}` is no number of bytes below 4 GiB",
                        shortened(&text)
                    ))
                })?;
                sizes.push(size);
            }
            if !builder.push(number(cell(key)?)) {
                return Err(too_long());
            }
        }
        builder.finish(columns.and_then(|(_, size)| size).map(|_| sizes))
    }

    /// Draws `accesses` independent accesses (at most [`MOST_ACCESSES`]) from a popularity.
    #[must_use]
    pub fn draw(popularity: &Popularity, accesses: usize, seed: u64) -> Self {
        let mut draws = Key::root(seed, 0).named(StreamName::new("keys")).draws();
        let mut builder = Builder::default();
        for _ in 0..accesses.min(MOST_ACCESSES) {
            builder.push(popularity.sample(&mut draws));
        }
        Self { keys: builder.numbers.len(), ids: builder.ids, sizes: None }
    }

    /// The key of each access.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The bytes of each access, if they are known.
    #[must_use]
    pub fn sizes(&self) -> Option<&[u32]> {
        self.sizes.as_deref()
    }

    /// How many different keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys
    }
}

/// A key of decimal digits is its number, any other text is hashed.
fn number(text: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(text);
    text.parse().unwrap_or_else(|_| Key::default().named(StreamName::new(&text)).bits())
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> Result<Trace, Fault> {
        Trace::read_csv(text.as_bytes())
    }

    #[test]
    fn keys_are_numbered_as_they_appear() {
        let trace = csv("# web\n7\n9\n7\n").unwrap();
        assert_eq!((trace.ids(), trace.sizes(), trace.keys()), (&[0, 1, 0][..], None, 2));
        let trace = csv("7,100\nuser:1,200\nuser:1,250\n").unwrap();
        assert_eq!((trace.ids(), trace.sizes()), (&[0, 1, 1][..], Some(&[100, 200, 250][..])));
        let trace = csv("time, key, op, size\n0.1, a, get, 5\n0.2, b, get, 6\n").unwrap();
        assert_eq!((trace.ids(), trace.sizes()), (&[0, 1][..], Some(&[5, 6][..])));
        let trace = csv("time,key\n0,a\n1,a\n").unwrap();
        assert_eq!((trace.ids(), trace.sizes()), (&[0, 0][..], None));
        for text in ["time\tkey\n0\ta\n1\ta\n", "# x\ntime;key\n0;a\n1;a\n", "time key\n0 a\n1 a\n"] {
            assert_eq!(csv(text).unwrap().ids(), [0, 0], "{text:?}");
        }
        assert_eq!(csv("GET /a b\nGET /a b\n").unwrap().keys(), 1, "a key may hold spaces");
        let binary = [0, 0, 0, 9, 0, 0, 1, 0, 0, 0, 0, 9];
        assert_eq!(Trace::read_binary(&binary[..]).unwrap().ids(), [0, 1, 0]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, part) in [
            ("", "no accesses"),
            ("key,size\n", "no accesses"),
            ("1,10\n2,ten\n", "line 2: the size `ten`"),
            ("# one\n# two\n1,10\n# three\n2,\n3,3\n", "line 5 has no column 2"),
            ("1,10\n2\n", "line 2 has no column 2"),
            ("1,10\n2,-1\n", "line 2"),
            ("url,bytes\nx,3\n", "line 1: the size `bytes`"),
            ("time,key\n5\n", "line 2 has no column 2"),
            ("1 100 5\n2 101 5\n", "nothing says which of them is the key"),
        ] {
            let fault = csv(text).unwrap_err();
            assert_eq!(fault.code, Code::BadTrace);
            assert!(fault.message.contains(part), "{text:?}: {}", fault.message);
        }
        assert!(Trace::read_binary(&[0, 0, 0, 1, 2][..]).unwrap_err().message.contains("multiple of 4"));
        for endless in ["x".repeat(3 << 20), format!("\"{}", "x,1\n".repeat(1 << 20))] {
            assert!(csv(&endless).unwrap_err().message.contains("longer than 1 MiB"));
        }
        assert_eq!(csv(&"7,1\n".repeat(1 << 20)).unwrap().ids().len(), 1 << 20);
        assert!(csv("\u{0}\u{1}\"\n,,,\n").is_err());
    }

    #[test]
    fn a_reader_that_gives_a_byte_at_a_time_is_read_all_the_same() {
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
                (buffer[0], self.0) = (*first, rest);
                Ok(1)
            }
        }
        let bytes: Vec<u8> = (0..500_u32).flat_map(u32::to_be_bytes).collect();
        assert_eq!(Trace::read_binary(Slow(&bytes)), Trace::read_binary(&bytes[..]));
    }
}
