use anyhow::Result;
use redis::AsyncCommands;
use test_support::Redis;

#[tokio::test]
async fn a_client_finds_it_by_its_url() -> Result<()> {
    let server = Redis::start().await?;
    let mut client = redis::Client::open(server.url())?.get_multiplexed_async_connection().await?;

    let () = client.set("key", "value").await?;

    assert_eq!(client.get::<_, String>("key").await?, "value");
    Ok(())
}

#[tokio::test]
async fn it_comes_back_at_the_same_url_after_an_outage() -> Result<()> {
    let mut server = Redis::start().await?;
    let client = redis::Client::open(server.url())?;

    server.kill();
    assert!(client.get_multiplexed_async_connection().await.is_err());

    server.restart().await?;
    client.get_multiplexed_async_connection().await?;
    Ok(())
}
