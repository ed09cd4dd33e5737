#[service]
pub trait BoxOffice {
    methods!(sell, refund);
}
//~ 3:5 a macro inside a service is expanded too late for its methods to be seen; write them out
