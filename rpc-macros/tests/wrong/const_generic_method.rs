#[service]
pub trait BoxOffice {
    async fn sell<const N: usize>(&self, seats: [u32; N]);
}
//~ 3:19 a method cannot be generic: its name stands for one signature on the wire; make it one method for each type, or take an enum
