namespace rs peers

struct Order {
  1: required i64 number,
  2: required i32 seat,
  3: required string holder,
  4: required double price,
  5: required bool paid,
}

service Peers {
  binary echo(1: binary payload),
  Order book(1: Order order),
  binary nap(1: binary payload),
  binary burn(1: binary payload),
}
