use carnegie::service;

#[service]
trait BoxOffice {
    async fn sell(&self, holder: std::rc::Rc<u32>) -> u32;
}

fn main() {}
