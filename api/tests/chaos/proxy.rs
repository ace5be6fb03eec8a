//! A wire between the processes and PostgreSQL that can be cut at the worst moment.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// What a request must be for the wire to be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// A batch on its way to the log.
    Append,
    /// The end of a transaction: folds of read models, and whatever else has one.
    Commit,
}

/// When the wire is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The request is lost.
    BeforeItArrives,
    /// The request is passed on and the wire is cut at once.
    AtOnce,
    /// PostgreSQL has answered, and the answer is lost.
    Answered,
}

/// One cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) victim: Victim,
    pub(crate) when: When,
}

impl Victim {
    /// Whether these bytes, from a client to PostgreSQL, hold such a request.
    fn is_in(self, bytes: &[u8]) -> bool {
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        match self {
            // Payloads of stock events begin so.
            Self::Append => holds(b"{\"entry\":{\"movement_id\":"),
            Self::Commit => holds(b"COMMIT\0"),
        }
    }
}

/// The wire. Connections end when it is dropped with its runtime.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    orders: Arc<Orders>,
}

/// Cuts that wait for their victims.
#[derive(Default)]
struct Orders(Mutex<Vec<(Cut, oneshot::Sender<()>)>>);

impl Orders {
    /// The cut that these bytes have waited for.
    fn take(&self, bytes: &[u8]) -> Option<(Cut, oneshot::Sender<()>)> {
        let mut orders = self.0.lock().unwrap();
        let found = orders.iter().position(|(cut, _)| cut.victim.is_in(bytes))?;
        Some(orders.swap_remove(found))
    }
}

impl Proxy {
    /// Listens on a free port and passes on to `port` of this machine.
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let orders = Arc::new(Orders::default());
        let shared = Arc::clone(&orders);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, port, Arc::clone(&shared)));
            }
        });
        Self { address, orders }
    }

    /// Cuts the wire of the next such request; returns when it is cut, or has broken by itself where the server was killed
    /// just then.
    pub(crate) async fn cut(&self, cut: Cut) {
        let (done, is_cut) = oneshot::channel();
        self.orders.0.lock().unwrap().push((cut, done));
        let _or_broken = is_cut.await;
    }
}

/// Passes bytes on in both directions until one side ends or the wire is cut.
async fn pass(mut client: TcpStream, port: u16, orders: Arc<Orders>) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut up, mut down) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let bytes = &up[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                let Some((cut, done)) = orders.take(bytes) else {
                    server.write_all(bytes).await?;
                    continue;
                };
                if cut.when != When::BeforeItArrives {
                    server.write_all(bytes).await?;
                }
                if cut.when == When::Answered {
                    let _lost = server.read(&mut down).await?;
                }
                let _nobody_waits = done.send(());
                return Ok(());
            }
            read = server.read(&mut down) => {
                let bytes = &down[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                client.write_all(bytes).await?;
            }
        }
    }
}
