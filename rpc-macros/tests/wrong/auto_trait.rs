#[service]
pub auto trait BoxOffice {}
//~ 2:5 a service cannot be an auto trait: it has methods to call; remove `auto`
