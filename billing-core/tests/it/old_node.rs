//! A node of an older version: it passes everything on but `eth_simulateV1`, which it does not know.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub struct OldNode {
    pub url: String,
    task: JoinHandle<()>,
}

impl OldNode {
    pub async fn start(behind: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = reqwest::Client::new();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, client.clone(), behind.clone()));
            }
        });
        Ok(Self { url, task })
    }
}

impl Drop for OldNode {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, client: reqwest::Client, behind: String) -> Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(body) = read_request(&mut stream).await? {
        let request: Value = serde_json::from_slice(&body)?;
        let answer = if request["method"] == "eth_simulateV1" {
            let error = json!({"code": -32601, "message": "the method eth_simulateV1 does not exist/is not available"});
            json!({"jsonrpc": "2.0", "id": request["id"], "error": error}).to_string()
        } else {
            client.post(&behind).header("content-type", "application/json").body(body).send().await?.text().await?
        };
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
