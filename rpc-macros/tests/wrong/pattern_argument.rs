#[service]
pub trait BoxOffice {
    async fn sell(&self, (row, seat): (u32, u32), _: u8, Order { id }: Order);
}
//~ 3:26 an argument is compared with the other side's by its name; write a name, and take it apart in the body
//~ 3:51 an argument is compared with the other side's by its name; write a name, and take it apart in the body
//~ 3:58 an argument is compared with the other side's by its name; write a name, and take it apart in the body
