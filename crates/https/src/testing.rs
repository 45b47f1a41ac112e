//! Doubles for tests: of this crate's ports, and of its client.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::{Document, Fetch, FetchError, LookUpError, Resolve};

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A document's text and how long it may be kept, nothing, or why it cannot be fetched.
pub type Page = Result<Option<(String, Option<Duration>)>, &'static str>;

/// Documents by their URLs. `*` stands for every URL that has none of its own.
#[derive(Debug, Default)]
pub struct Web {
    pages: Mutex<HashMap<String, Page>>,
    fetched: Mutex<Vec<String>>,
}

impl Web {
    /// Sets the page at a URL.
    pub fn set(&self, url: &str, page: Page) {
        locked(&self.pages).insert(url.to_owned(), page);
    }

    /// Sets the page at a URL to this text, which its reader may cache.
    pub fn serve(&self, url: &str, text: &impl ToString) {
        self.set(url, Ok(Some((text.to_string(), None))));
    }

    /// The page at a URL.
    #[expect(clippy::missing_errors_doc, reason = "the page is what a test has put there")]
    pub fn get(&self, url: &str) -> Page {
        let pages = locked(&self.pages);
        pages.get(url).or_else(|| pages.get("*")).cloned().unwrap_or(Ok(None))
    }

    /// How often a URL was fetched.
    pub fn fetched(&self, url: &str) -> usize {
        locked(&self.fetched).iter().filter(|known| *known == url).count()
    }

    /// The URLs that were fetched, in order.
    pub fn urls(&self) -> Vec<String> {
        locked(&self.fetched).clone()
    }
}

#[async_trait]
impl Fetch for Web {
    async fn fetch(&self, url: &str, most: usize) -> Result<Option<Document>, FetchError> {
        locked(&self.fetched).push(url.to_owned());
        // Others run meanwhile.
        tokio::task::yield_now().await;
        let Some((text, max_age)) = self.get(url).map_err(FetchError::new)? else {
            return Ok(None);
        };
        if text.len() > most {
            return Err(FetchError::new("the document is larger than what was asked for"));
        }
        Ok(Some(Document { body: text.into(), max_age }))
    }
}

/// A frame of an event stream, as AWS writes it: its kind, its type, and its payload.
#[cfg(feature = "aws")]
pub fn frame(kind: &str, name: &str, payload: &[u8]) -> Vec<u8> {
    let typed = if kind == "exception" { ":exception-type" } else { ":event-type" };
    let mut headers = Vec::new();
    for (header, value) in [(":message-type", kind), (typed, name)] {
        headers.push(u8::try_from(header.len()).unwrap_or(u8::MAX));
        headers.extend_from_slice(header.as_bytes());
        // A string, with its length.
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let of = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = [of(16 + headers.len() + payload.len()), of(headers.len())].concat();
    frame.extend_from_slice(&crc32(&frame).to_be_bytes());
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&crc32(&frame).to_be_bytes());
    frame
}

/// The checksum of gzip, bit by bit.
#[cfg(feature = "aws")]
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc)))
}

/// An answer to a look-up. `None` never comes.
pub type Answer = Option<Result<Vec<IpAddr>, LookUpError>>;

/// Answers to look-ups.
pub struct Names {
    answer: Box<dyn Fn(&str) -> Answer + Send + Sync>,
    takes: Duration,
    asked: Mutex<Vec<String>>,
}

impl Names {
    /// Each name has the answer that this gives, after so long.
    pub fn by(
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
        takes: Duration,
    ) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer), takes, asked: Mutex::default() })
    }

    /// These answers one after the other, for any name; the last one stays. Without an answer, the
    /// name does not exist.
    pub fn in_turn(answers: impl IntoIterator<Item = Vec<IpAddr>>) -> Arc<Self> {
        let answers: Mutex<VecDeque<_>> = Mutex::new(answers.into_iter().collect());
        let answer = move |_: &str| {
            let mut left = locked(&answers);
            let next = if left.len() > 1 { left.pop_front() } else { left.front().cloned() };
            Some(next.ok_or(LookUpError::NoSuchName))
        };
        Self::by(answer, Duration::ZERO)
    }

    /// The names that were looked up, in order.
    pub fn asked(&self) -> Vec<String> {
        locked(&self.asked).clone()
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, LookUpError> {
        locked(&self.asked).push(name.to_owned());
        if !self.takes.is_zero() {
            tokio::time::sleep(self.takes).await;
        }
        match (self.answer)(name) {
            Some(found) => found,
            None => std::future::pending().await,
        }
    }
}
