//! A node that passes everything on but treats `eth_simulateV1` in a manner of its own.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

#[derive(Debug, Clone, Copy)]
pub enum Manner {
    /// Of a version that does not know the method.
    Old,
    /// Holds the answer back for so long.
    Slow(Duration),
}

pub struct StrangeNode {
    pub url: String,
    task: JoinHandle<()>,
}

impl StrangeNode {
    pub async fn start(behind: String, manner: Manner) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = reqwest::Client::new();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, client.clone(), behind.clone(), manner));
            }
        });
        Ok(Self { url, task })
    }
}

impl Drop for StrangeNode {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, client: reqwest::Client, behind: String, manner: Manner) -> Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(body) = read_request(&mut stream).await? {
        let request: Value = serde_json::from_slice(&body)?;
        let simulates = request["method"] == "eth_simulateV1";
        let answer = if simulates && matches!(manner, Manner::Old) {
            let error = json!({"code": -32601, "message": "the method eth_simulateV1 does not exist/is not available"});
            json!({"jsonrpc": "2.0", "id": request["id"], "error": error}).to_string()
        } else {
            client.post(&behind).header("content-type", "application/json").body(body).send().await?.text().await?
        };
        if let (true, Manner::Slow(wait)) = (simulates, manner) {
            tokio::time::sleep(wait).await;
        }
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Result<Option<Vec<u8>>> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse::<usize>()?);
        }
    }
    let mut body = vec![0; length.context("a body of known length")?];
    stream.read_exact(&mut body).await?;
    Ok(Some(body))
}
