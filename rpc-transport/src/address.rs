//! Addresses as people write them: `hall:7000`, `10.0.0.7:7000`, `[::1]:7000`, `unix:/run/hall.sock`.
//!
//! What cannot be read is refused with what to write instead, if that can be told; it is read before it is advised.

use rpc_core::BindError;
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// One place to listen on or to connect to. A name is resolved when it is used, not when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `10.0.0.7:7000`, `[::1]:7000`
    Ip(SocketAddr),
    /// `hall:7000`. Also `[fe80::1%eth0]:7000`, without the brackets: only the system knows the number of `eth0`.
    Name { host: String, port: u16 },
    /// `unix:/run/hall.sock`
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Ip(address) => address.fmt(f),
            Endpoint::Name { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Endpoint::Name { host, port } => write!(f, "{host}:{port}"),
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One or several addresses: a text with commas between them, texts, or socket addresses.
///
/// Each is `host:port` (a name or an IPv4 address), `[IPv6]:port` or `unix:/path`. A text that cannot be read is reported
/// as [`BindError::Address`] when the addresses are used, as is port 0 where a server is to be reached: only a server may
/// write it, and is given a free one.
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

    /// As [`Addresses::endpoints`], to connect to.
    pub(crate) fn targets(self) -> Result<Vec<Endpoint>, BindError> {
        let endpoints = self.endpoints()?;
        let portless = endpoints.iter().find(|endpoint| match endpoint {
            Endpoint::Ip(address) => address.port() == 0,
            Endpoint::Name { port, .. } => *port == 0,
            Endpoint::Unix(_) => false,
        });
        match portless {
            Some(endpoint) => Err(unreadable(
                &endpoint.to_string(),
                "no server has port 0; write the one that it listens on",
            )),
            None => Ok(endpoints),
        }
    }

    fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut endpoints = Vec::new();
        for text in texts {
            for (at, part) in text.split(',').map(str::trim).enumerate() {
                let read = match part {
                    "" if text.contains(',') => {
                        Err(unreadable(text, format!("address {} of it is empty", at + 1)))
                    }
                    _ => read(part).map_err(|why| unreadable(part, why)),
                };
                match read {
                    Ok(endpoint) => endpoints.push(endpoint),
                    Err(error) => return Self(Err(error)),
                }
            }
        }
        Self(Ok(endpoints))
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

fn read(text: &str) -> Result<Endpoint, String> {
    if text.is_empty() {
        return Err("it is empty; write hall:7000".to_owned());
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return match path {
            "" => Err("no path; write unix:/run/hall.sock".to_owned()),
            path => Ok(Endpoint::Unix(path.into())),
        };
    }
    if let Ok(address) = text.parse() {
        return Ok(Endpoint::Ip(address));
    }
    if let Some((_, rest)) = text.split_once("://") {
        return Err(with_scheme(rest));
    }
    if let Some(rest) = text.strip_prefix('[') {
        return bracketed(rest);
    }
    match text.rsplit_once(':') {
        None => Err(without_port(text)),
        Some((host, port)) if host.contains(':') => Err(with_colons(text, host, port)),
        Some((host, port)) => named(host, port),
    }
}

fn named(host: &str, port: &str) -> Result<Endpoint, String> {
    if host.is_empty() {
        return Err(format!("no host{}", write(&[format!("localhost:{port}")])));
    }
    if let Some(odd) = host.chars().find(|c| !is_ordinary(*c)) {
        return Err(format!("the host has {odd:?} in it"));
    }
    let port = read_port(port)?;
    // The system would read `10.7` as 10.0.0.7, and look `10.0.0.300` up as a name.
    if host.rsplit('.').next().is_some_and(is_number) && host.parse::<std::net::Ipv4Addr>().is_err() {
        return Err(format!("{host:?} is no IPv4 address, which has four numbers from 0 to 255"));
    }
    Ok(Endpoint::Name { host: host.to_owned(), port })
}

/// What stands behind an opening bracket, and is no socket address: wrong, or with the name of a network interface.
fn bracketed(rest: &str) -> Result<Endpoint, String> {
    let Some((host, behind)) = rest.split_once(']') else {
        return Err("the bracket is not closed".to_owned());
    };
    let (address, zone) = host.split_once('%').unwrap_or((host, "lo"));
    if address.parse::<Ipv6Addr>().is_err() || zone.is_empty() || !zone.chars().all(is_ordinary) {
        // With a colon in it, it would come here again.
        let instead = if host.contains(':') { String::new() } else { format!("{host}{behind}") };
        return Err(format!("no IPv6 address stands in the brackets{}", write(&[instead])));
    }
    match behind.strip_prefix(':') {
        Some(port) => Ok(Endpoint::Name { host: host.to_owned(), port: read_port(port)? }),
        None => Err(format!("no IPv6 address with a port{}", write(&[format!("[{host}]:7000")]))),
    }
}

fn read_port(port: &str) -> Result<u16, String> {
    let number = port.parse().ok().filter(|_| is_number(port));
    number.ok_or_else(|| format!("the port {port:?} is no number from 0 to 65535"))
}

fn is_ordinary(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The advice to write one of these, as far as they are addresses.
fn write(instead: &[String]) -> String {
    let valid: Vec<&str> = instead.iter().map(String::as_str).filter(|text| read(text).is_ok()).collect();
    if valid.is_empty() { String::new() } else { format!("; write {}", valid.join(" or ")) }
}

fn with_scheme(rest: &str) -> String {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let instead = if read(host).is_ok() { host.to_owned() } else { format!("{host}:7000") };
    format!("an address has no scheme{}", write(&[instead]))
}

fn without_port(text: &str) -> String {
    if is_number(text) {
        return format!("no host{}", write(&[format!("localhost:{text}")]));
    }
    match named(text, "7000") {
        Ok(endpoint) => format!("no port; write {endpoint}"),
        Err(why) => why,
    }
}

/// Several colons and no brackets. The last one may stand before a port or be a part of an IPv6 address.
fn with_colons(text: &str, host: &str, port: &str) -> String {
    let is_six = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    match (is_six(host), is_six(text)) {
        (true, whole) => {
            let mut instead = vec![format!("[{host}]:{port}")];
            instead.extend(whole.then(|| format!("[{text}]:7000")));
            format!("an IPv6 address stands in brackets{}", write(&instead))
        }
        (false, true) => format!("no port, or no brackets{}", write(&[format!("[{text}]:7000")])),
        (false, false) => match text.split_once(':') {
            Some((_, rest))
                if (rest.starts_with('[') || rest.matches(':').count() == 1) && read(rest).is_ok() =>
            {
                format!("an address has no scheme; write {rest}")
            }
            _ => "it has several colons, and is no IPv6 address in brackets".to_owned(),
        },
    }
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
            ("", "it is empty; write hall:7000"),
            ("hall", "no port; write hall:7000"),
            ("10.0.0.7", "no port; write 10.0.0.7:7000"),
            ("7000", "no host; write localhost:7000"),
            (":7000", "no host; write localhost:7000"),
            (":", "no host"),
            ("hall:70000", r#"the port "70000" is no number from 0 to 65535"#),
            ("hall:+80", r#"the port "+80" is no number from 0 to 65535"#),
            ("a b:7000", "the host has ' ' in it"),
            ("a b", "the host has ' ' in it"),
            ("1.2.3", r#""1.2.3" is no IPv4 address, which has four numbers from 0 to 255"#),
            ("1.2.3:80", r#""1.2.3" is no IPv4 address, which has four numbers from 0 to 255"#),
            ("10.0.0.300:80", r#""10.0.0.300" is no IPv4 address, which has four numbers from 0 to 255"#),
            ("unix:", "no path; write unix:/run/hall.sock"),
        ] {
            assert_eq!(why(text), format!("cannot read the address {text:?}: {said}"));
        }
    }

    #[test]
    fn an_unreadable_ipv6_address_is_told_where_its_brackets_belong() {
        for (text, said) in [
            ("::1", "no port, or no brackets; write [::1]:7000"),
            ("::1:7000", "an IPv6 address stands in brackets; write [::1]:7000 or [::1:7000]:7000"),
            ("1:2:3:4:5:6:7:8:80", "an IPv6 address stands in brackets; write [1:2:3:4:5:6:7:8]:80"),
            ("::1:x", "an IPv6 address stands in brackets"),
            ("[::1]", "no IPv6 address with a port; write [::1]:7000"),
            ("[fe80::1%lo]", "no IPv6 address with a port; write [fe80::1%lo]:7000"),
            ("[::1]:70000", r#"the port "70000" is no number from 0 to 65535"#),
            ("[::1", "the bracket is not closed"),
            ("[hall]:80", "no IPv6 address stands in the brackets; write hall:80"),
            ("[a:b]:80", "no IPv6 address stands in the brackets"),
            ("[::1%]:80", "no IPv6 address stands in the brackets"),
            ("[::1%a b]:80", "no IPv6 address stands in the brackets"),
            ("a:b:c:80", "it has several colons, and is no IPv6 address in brackets"),
        ] {
            assert_eq!(why(text), format!("cannot read the address {text:?}: {said}"));
        }
    }

    #[test]
    fn a_url_is_told_which_part_of_it_is_the_address() {
        for (text, instead) in [
            ("http://hall:80/", "; write hall:80"),
            ("http://hall:80/path?x=1", "; write hall:80"),
            ("https://hall", "; write hall:7000"),
            ("https://me@[::1]/", "; write [::1]:7000"),
            ("tcp:localhost:1", "; write localhost:1"),
            ("tcp:[::1]:1", "; write [::1]:1"),
            ("http://", ""),
            ("http://a b/", ""),
        ] {
            assert_eq!(
                why(text),
                format!("cannot read the address {text:?}: an address has no scheme{instead}")
            );
        }
    }

    #[test]
    fn an_empty_address_in_a_list_is_quoted_with_the_list() {
        for (text, which) in [("a:1,,b:2", 2), ("a:1,", 2), (" ,a:1", 1)] {
            assert_eq!(
                why(text),
                format!("cannot read the address {text:?}: address {which} of it is empty")
            );
        }
    }

    #[test]
    fn port_0_is_for_servers_alone() {
        let zero = SocketAddr::from(([127, 0, 0, 1], 0));
        for addresses in [Addresses::from("hall:1, 127.0.0.1:0"), Addresses::from(zero)] {
            assert!(addresses.clone().endpoints().is_ok());
            assert_eq!(
                addresses.targets().unwrap_err().to_string(),
                r#"cannot read the address "127.0.0.1:0": no server has port 0; write the one that it listens on"#
            );
        }
        assert!(Addresses::from("hall:0").targets().is_err());
        assert!(Addresses::from("hall:1, unix:0").targets().is_ok());
    }

    #[test]
    fn an_interface_may_be_named_in_an_ipv6_address() {
        let [endpoint] = &Addresses::from("[fe80::1%eth0]:7000").targets().unwrap()[..] else { panic!() };
        assert_eq!(endpoint, &Endpoint::Name { host: "fe80::1%eth0".into(), port: 7000 });
        assert_eq!(endpoint.to_string(), "[fe80::1%eth0]:7000");
    }

    #[test]
    fn any_text_ends_in_an_address_or_an_error() {
        let pieces = ["[", "]", ":", "%", "/", "a", "1", "::1", "@", ".", "unix", "://", ",", " ", "7000"];
        let count = pieces.len();
        for at in 0..count.pow(4) {
            let text: String = (0..4).map(|digit| pieces[at / count.pow(digit) % count]).collect();
            let read = Addresses::from(text.as_str()).endpoints();
            let advised = |why: &str| why.rsplit_once("; write ").map(|(_, advice)| advice.to_owned());
            if let Err(error) = read
                && let Some(advice) = advised(&error.to_string())
            {
                for one in advice.split(" or ") {
                    assert!(Addresses::from(one).targets().is_ok(), "{error}");
                }
            }
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
