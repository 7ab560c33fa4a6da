// Package spread brings an image to the accounts and Regions in which it is used,
// before any pointer to it moves.
//
// Plan only reads. It decides which image stands where — one in each Region that is
// shared, or one of its own for every account — and asks of every KMS key whether the
// accounts that will launch may use it: their principals, and the service-linked role
// of their Auto Scaling, which a key policy that trusts an account does not cover
// ("Required AWS KMS key policy for use with encrypted volumes", Auto Scaling User
// Guide). What is missing is granted if the plan may do so; else the plan is refused,
// with the statement to add, before anything is copied.
//
// Three sorts of units do the work, in this order: GrantUnit makes the grants of one
// key, PlaceUnit brings one image to its place (copy, wait, share), and CheckUnit looks
// from inside the account that is to launch it. All can be repeated from any saved
// state: CopyImage has a client token and a name that follows from what is copied, and
// everything else is read before it is written.
//
// A copy that fails is removed with its snapshots and tried once more. Copies that
// stand when another one fails are left where they are, and reported: a retry adopts
// them by their names.
package spread
