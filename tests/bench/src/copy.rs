//! How fast the server takes the same rows, into the same columns and indexes, by binary COPY.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgPoolCopyExt};

/// Rows of one transaction, each of which also moves a checkpoint.
const ROWS: usize = 20_000;
/// Signature, flags and extension length of COPY's binary format.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// A tuple of -1 fields: no more.
const TRAILER: &[u8] = &[0xff, 0xff];

/// What a copy of all of `chain_log` into an empty table like it took; writing only, not reading.
#[derive(Debug)]
pub struct Copied {
    pub rows: u64,
    pub took: Duration,
}

/// Copies the mirrored logs of a database, in chain order.
pub async fn limit(pool: &PgPool) -> Result<Copied> {
    let mut writer = PgConnection::connect_with(&pool.connect_options()).await?;
    writer.execute("create table copied_log (like chain_log including all)").await?;
    writer.execute("create table copied_cursor (like chain_cursor including all)").await?;
    writer.execute("insert into copied_cursor select * from chain_cursor").await?;
    writer.execute("checkpoint").await?;
    let rows = "copy (select * from chain_log order by block_number, log_index) to stdout (format binary)";
    let mut source = pool.copy_out_raw(rows).await?;
    let mut copied = Copied { rows: 0, took: Duration::ZERO };
    let (mut tuples, mut batch, mut count, mut begun) = (Vec::new(), HEADER.to_vec(), 0, false);
    while let Some(chunk) = source.try_next().await? {
        tuples.extend_from_slice(&chunk);
        let mut at = 0;
        if !begun {
            ensure!(tuples.starts_with(HEADER), "not COPY's binary format");
            (at, begun) = (HEADER.len(), true);
        }
        while let Some(length) = tuple_length(&tuples[at..])? {
            batch.extend_from_slice(&tuples[at..at + length]);
            (at, count) = (at + length, count + 1);
            if count == ROWS {
                copied.took += write(&mut writer, std::mem::replace(&mut batch, HEADER.to_vec())).await?;
                copied.rows += u64::try_from(std::mem::take(&mut count))?;
            }
        }
        tuples.drain(..at);
    }
    ensure!(tuples == TRAILER, "COPY ended within a row");
    copied.took += write(&mut writer, batch).await?;
    copied.rows += u64::try_from(count)?;
    writer.execute("drop table copied_log, copied_cursor").await?;
    Ok(copied)
}

async fn write(writer: &mut PgConnection, mut batch: Vec<u8>) -> Result<Duration> {
    batch.extend_from_slice(TRAILER);
    let start = Instant::now();
    let mut tx = writer.begin().await?;
    let mut copy = tx.copy_in_raw("copy copied_log from stdin (format binary)").await?;
    copy.send(batch).await?;
    copy.finish().await?;
    let moved = "update copied_cursor set block_number = block_number + 1, updated_at = now()";
    (&mut *tx).execute(moved).await?;
    tx.commit().await?;
    Ok(start.elapsed())
}

/// Bytes of the first tuple; `None` while it is not all there, and for the trailer.
fn tuple_length(bytes: &[u8]) -> Result<Option<usize>> {
    let Some((fields, _)) = bytes.split_first_chunk() else { return Ok(None) };
    let (fields, mut at) = (i16::from_be_bytes(*fields), 2);
    if fields < 0 {
        return Ok(None);
    }
    for _ in 0..fields {
        let Some((length, _)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk) else { return Ok(None) };
        let length = i32::from_be_bytes(*length).max(0);
        at += 4 + usize::try_from(length).context("a field's length")?;
    }
    Ok((at <= bytes.len()).then_some(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUPLE: &[u8] = &[0, 3, 0, 0, 0, 2, 7, 7, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

    #[test]
    fn a_row_is_as_long_as_its_fields_and_null_has_no_bytes() -> Result<()> {
        let two = [TUPLE, TUPLE].concat();
        assert_eq!(tuple_length(&two)?, Some(TUPLE.len()));
        Ok(())
    }

    #[test]
    fn a_row_that_is_cut_anywhere_and_the_end_are_no_rows() -> Result<()> {
        for cut in 0..TUPLE.len() {
            assert_eq!(tuple_length(&TUPLE[..cut])?, None, "cut at {cut}");
        }
        assert_eq!(tuple_length(TRAILER)?, None);
        Ok(())
    }
}
