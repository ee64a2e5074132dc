//! Versioned, checked save and restore of live objects.
//!
//! # Layout
//! `COMOVE` and a zero byte, one byte for the kind of object, the version (u16), the length of the body
//! (u64), the body, and CRC-64/XZ of everything before it; numbers are little-endian. A body holds the
//! options and the rows of the window, never anything derived from them: a restored object computes that
//! anew by the same operations, so no bytes can bring it into a state that no stream leads to.

use crc::{CRC_64_XZ, Crc};

use crate::error::{Error, Result};

const MAGIC: &[u8; 7] = b"COMOVE\0";
const VERSION: u16 = 1;
const HEADER: usize = MAGIC.len() + 1 + 2 + 8;
const CHECKSUM: usize = 8;
/// Counts of rows are exact as float64 below it.
const MOST_COUNT: usize = 1 << 53;
static CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

/// The kinds of live object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Object {
    /// A rolling pair.
    RollingPair = 1,
    /// An exponentially weighted pair.
    EwmPair = 2,
    /// An asset on several leaders.
    JointPair = 3,
    /// Many assets by many leaders.
    Panel = 4,
    /// A pair at every lag.
    LagScanner = 5,
    /// Volatility of an asset on that of a source.
    SpilloverMonitor = 6,
    /// The rows of a feature recipe.
    FeatureStream = 7,
}

/// Builds a snapshot.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins a snapshot of an object.
    pub fn new(object: Object) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + CHECKSUM + 256);
        bytes.extend_from_slice(MAGIC);
        bytes.push(object as u8);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        Self { bytes }
    }

    /// Appends a float64, bit for bit.
    pub fn float(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    /// Appends an integer.
    pub fn int(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Appends a count.
    pub fn count(&mut self, value: usize) {
        self.bytes.extend_from_slice(&(value as u64).to_le_bytes());
    }

    /// Appends a truth value.
    pub fn flag(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    /// Appends a text.
    pub fn text(&mut self, value: &str) {
        self.count(value.len());
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// The snapshot.
    pub fn finish(mut self) -> Vec<u8> {
        let length = (self.bytes.len() - HEADER) as u64;
        self.bytes[HEADER - 8..HEADER].copy_from_slice(&length.to_le_bytes());
        let checksum = CRC.checksum(&self.bytes);
        self.bytes.extend_from_slice(&checksum.to_le_bytes());
        self.bytes
    }
}

/// Reads a snapshot back.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks everything around the body.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for bytes that are truncated, corrupted, newer, of another object or no
    /// snapshot at all.
    pub fn new(bytes: &'a [u8], object: Object) -> Result<Self> {
        let short = || Self::unusable("it is truncated");
        let (head, _) = bytes.split_at_checked(HEADER).ok_or_else(short)?;
        if &head[..MAGIC.len()] != MAGIC {
            return Err(Self::unusable("it is not one of comove's"));
        }
        let (content, checksum) = bytes.split_at_checked(bytes.len() - CHECKSUM).ok_or_else(short)?;
        if content.len() < HEADER || CRC.checksum(content).to_le_bytes() != checksum {
            return Err(Self::unusable("its checksum is wrong: it is truncated or corrupted"));
        }
        let version = u16::from_le_bytes([head[8], head[9]]);
        if version != VERSION {
            return Err(Error::Snapshot {
                problem: format!("its version is {version}, this comove reads version {VERSION}"),
            });
        }
        if head[7] != object as u8 {
            return Err(Error::Snapshot {
                problem: format!("it is of another object (kind {}, not {object:?})", head[7]),
            });
        }
        let body = &content[HEADER..];
        let mut length = [0; 8];
        length.copy_from_slice(&head[HEADER - 8..]);
        if u64::from_le_bytes(length) != body.len() as u64 {
            return Err(Self::unusable("its length is not the one it says"));
        }
        Ok(Self { rest: body })
    }

    /// An error that says why.
    pub fn unusable(problem: &str) -> Error {
        Error::Snapshot { problem: problem.to_owned() }
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) =
            self.rest.split_first_chunk::<N>().ok_or_else(|| Self::unusable("its body ends too early"))?;
        self.rest = rest;
        Ok(*head)
    }

    /// A float64.
    ///
    /// # Errors
    /// All readers give [`Error::Snapshot`] where the body ends or holds no such value.
    pub fn float(&mut self) -> Result<f64> {
        Ok(f64::from_bits(u64::from_le_bytes(self.bytes()?)))
    }

    /// An integer.
    ///
    /// # Errors
    /// As [`float`](Self::float).
    pub fn int(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.bytes()?))
    }

    /// A count, below 2^53: what goes on counting from there stays in range.
    ///
    /// # Errors
    /// As [`float`](Self::float).
    pub fn count(&mut self) -> Result<usize> {
        let count = usize::try_from(u64::from_le_bytes(self.bytes()?)).ok();
        count.filter(|&count| count < MOST_COUNT).ok_or_else(|| Self::unusable("a count is out of range"))
    }

    /// A truth value.
    ///
    /// # Errors
    /// As [`float`](Self::float).
    pub fn flag(&mut self) -> Result<bool> {
        match self.bytes::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Self::unusable("a flag is neither 0 nor 1")),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// As [`float`](Self::float).
    pub fn text(&mut self) -> Result<String> {
        let length = self.count()?;
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| Self::unusable("a text is longer than the body"))?;
        self.rest = rest;
        String::from_utf8(head.to_vec()).map_err(|_| Self::unusable("a text is not UTF-8"))
    }

    /// Checks that the whole body was read.
    ///
    /// # Errors
    /// As [`float`](Self::float).
    pub fn end(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Self::unusable("its body is too long")) }
    }
}
