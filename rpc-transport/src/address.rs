//! Addresses as people write them: `hall:7000`, `10.0.0.7:7000`, `[::1]:7000`, `unix:/run/hall.sock`.

use rpc_core::BindError;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// One place to listen on or to connect to. A name is resolved when it is used, not when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `10.0.0.7:7000`, `[::1]:7000`
    Ip(SocketAddr),
    /// `hall:7000`
    Name { host: String, port: u16 },
    /// `unix:/run/hall.sock`
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Ip(address) => address.fmt(f),
            Endpoint::Name { host, port } => write!(f, "{host}:{port}"),
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One or several addresses: a text with commas between them, texts, or socket addresses.
///
/// Each is `host:port` (a name or an IPv4 address), `[IPv6]:port` or `unix:/path`. A text that cannot be read is reported
/// as [`BindError::Address`] when the addresses are used.
///
/// ```
/// # use rpc_transport::Addresses;
/// let list = Addresses::from("hall-a:7000, [::1]:7000, unix:/run/hall.sock");
/// let one = Addresses::from(std::net::SocketAddr::from(([127, 0, 0, 1], 7000)));
/// ```
#[derive(Clone, Debug)]
pub struct Addresses(Result<Vec<Endpoint>, BindError>);

impl Addresses {
    /// What was read, in order, never empty.
    pub(crate) fn endpoints(self) -> Result<Vec<Endpoint>, BindError> {
        let endpoints = self.0?;
        if endpoints.is_empty() {
            return Err(unreadable("", "no address was given"));
        }
        Ok(endpoints)
    }

    fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(texts.into_iter().flat_map(|text| text.split(',')).map(|text| endpoint(text.trim())).collect())
    }
}

impl From<&str> for Addresses {
    fn from(text: &str) -> Self {
        Self::parse([text])
    }
}

impl From<String> for Addresses {
    fn from(text: String) -> Self {
        Self::parse([text.as_str()])
    }
}

impl From<&String> for Addresses {
    fn from(text: &String) -> Self {
        Self::parse([text.as_str()])
    }
}

impl From<SocketAddr> for Addresses {
    fn from(address: SocketAddr) -> Self {
        Self(Ok(vec![Endpoint::Ip(address)]))
    }
}

impl From<&[SocketAddr]> for Addresses {
    fn from(addresses: &[SocketAddr]) -> Self {
        Self(Ok(addresses.iter().copied().map(Endpoint::Ip).collect()))
    }
}

impl From<&Vec<SocketAddr>> for Addresses {
    fn from(addresses: &Vec<SocketAddr>) -> Self {
        addresses.as_slice().into()
    }
}

impl From<Vec<SocketAddr>> for Addresses {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        addresses.as_slice().into()
    }
}

impl<const N: usize> From<[SocketAddr; N]> for Addresses {
    fn from(addresses: [SocketAddr; N]) -> Self {
        addresses.as_slice().into()
    }
}

impl From<&[&str]> for Addresses {
    fn from(texts: &[&str]) -> Self {
        Self::parse(texts.iter().copied())
    }
}

impl From<&[String]> for Addresses {
    fn from(texts: &[String]) -> Self {
        Self::parse(texts.iter().map(String::as_str))
    }
}

impl From<Vec<String>> for Addresses {
    fn from(texts: Vec<String>) -> Self {
        texts.as_slice().into()
    }
}

fn unreadable(text: &str, why: impl Into<String>) -> BindError {
    BindError::Address { text: text.to_owned(), why: why.into() }
}

fn endpoint(text: &str) -> Result<Endpoint, BindError> {
    if text.is_empty() {
        return Err(unreadable(text, "it is empty; write hall:7000"));
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return match path {
            "" => Err(unreadable(text, "no path; write unix:/run/hall.sock")),
            path => Ok(Endpoint::Unix(path.into())),
        };
    }
    if let Ok(address) = text.parse() {
        return Ok(Endpoint::Ip(address));
    }
    name(text).map_err(|why| unreadable(text, why))
}

fn name(text: &str) -> Result<Endpoint, String> {
    if let Some((_, rest)) = text.split_once("://") {
        let rest = rest.trim_end_matches('/');
        return Err(format!("an address has no scheme; write {rest}"));
    }
    if text.starts_with('[') {
        return Err("no IPv6 address with a port; write [::1]:7000".to_owned());
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("no port; write {text}:7000"));
    };
    if host.contains(':') {
        return Err(match text.parse::<std::net::Ipv6Addr>() {
            Ok(_) => format!("no port, or no brackets; write [{text}]:7000"),
            Err(_) => "an IPv6 address stands in brackets; write [::1]:7000".to_owned(),
        });
    }
    if host.is_empty() {
        return Err(format!("no host; write localhost:{port}"));
    }
    if let Some(odd) = host.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))) {
        return Err(format!("the host has {odd:?} in it"));
    }
    let port = port.parse().map_err(|_| format!("the port {port:?} is no number from 0 to 65535"))?;
    Ok(Endpoint::Name { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        Addresses::from(text).endpoints().unwrap_err().to_string()
    }

    #[test]
    fn a_list_is_read_in_order() {
        let all = Addresses::from("hall:7000, 10.0.0.7:1,[::1]:2 , unix:/run/hall.sock").endpoints().unwrap();
        let texts: Vec<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["hall:7000", "10.0.0.7:1", "[::1]:2", "unix:/run/hall.sock"]);
        assert_eq!(all[0], Endpoint::Name { host: "hall".into(), port: 7000 });
    }

    #[test]
    fn an_unreadable_address_is_named_with_what_is_wrong_and_what_to_write() {
        for (text, said) in [
            ("hall", r#"cannot read the address "hall": no port; write hall:7000"#),
            ("", r#"cannot read the address "": it is empty; write hall:7000"#),
            ("a:1,,b:2", r#"cannot read the address "": it is empty; write hall:7000"#),
            (
                "hall:70000",
                r#"cannot read the address "hall:70000": the port "70000" is no number from 0 to 65535"#,
            ),
            ("::1", r#"cannot read the address "::1": no port, or no brackets; write [::1]:7000"#),
            ("[::1]", r#"cannot read the address "[::1]": no IPv6 address with a port; write [::1]:7000"#),
            (
                "http://hall:80/",
                r#"cannot read the address "http://hall:80/": an address has no scheme; write hall:80"#,
            ),
            (":7000", r#"cannot read the address ":7000": no host; write localhost:7000"#),
            ("a b:7000", r#"cannot read the address "a b:7000": the host has ' ' in it"#),
            ("unix:", r#"cannot read the address "unix:": no path; write unix:/run/hall.sock"#),
        ] {
            assert_eq!(why(text), said);
        }
    }

    #[test]
    fn no_address_at_all_is_an_error() {
        let none: Vec<SocketAddr> = Vec::new();
        let error = Addresses::from(none).endpoints().unwrap_err();
        assert_eq!(error.to_string(), r#"cannot read the address "": no address was given"#);
    }

    #[test]
    fn socket_addresses_are_taken_as_they_are() {
        let all: [SocketAddr; 2] = [([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into()];
        assert_eq!(Addresses::from(all).endpoints().unwrap(), all.map(Endpoint::Ip));
    }
}
