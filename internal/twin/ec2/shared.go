package ec2

import (
	"slices"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// owner says in whose account an image or snapshot lives; ids are unique in a
// region, so that other accounts can be given them.
type owner struct {
	Account string `json:"account"`
	Gone    bool   `json:"gone,omitempty"` // deregistered or deleted
}

func owners(tx *world.Tx) *world.Rows[owner] {
	return world.Table[owner](tx.In("-", tx.Region), "ec2/owners")
}

// image finds an image in this region whoever owns it, with the Tx of its owner.
func image(tx *world.Tx, id string) (Image, *world.Tx, bool) {
	o, ok := owners(tx).Get(id)
	if !ok || o.Gone {
		return Image{}, nil, false
	}
	at := tx.In(o.Account, tx.Region)
	i, ok := images(at).Get(id)
	return i, at, ok
}

func putImage(tx *world.Tx, i Image) {
	at := tx.In(i.Owner, tx.Region)
	if _, ok := owners(tx).Get(i.ID); !ok {
		owners(tx).Put(i.ID, owner{Account: i.Owner})
	}
	images(at).Put(i.ID, i)
}

// visible says whether the transaction's account may see and launch the image, by
// itself or through its organization ("Shared AMIs", EC2 User Guide).
func (i Image) visible(tx *world.Tx) bool {
	return i.Owner == tx.Account || i.Public || i.granted(tx, tx.Account)
}

// snapshot finds a snapshot in this region whoever owns it.
func snapshot(tx *world.Tx, id string) (Snapshot, bool) {
	o, ok := owners(tx).Get(id)
	if !ok || o.Gone {
		return Snapshot{}, false
	}
	return snapshots(tx.In(o.Account, tx.Region)).Get(id)
}

func putSnapshot(tx *world.Tx, n Snapshot) {
	if _, ok := owners(tx).Get(n.ID); !ok {
		owners(tx).Put(n.ID, owner{Account: n.Owner})
	}
	snapshots(tx.In(n.Owner, tx.Region)).Put(n.ID, n)
}

func (n Snapshot) visible(account string) bool {
	return n.Owner == account || n.Public || slices.Contains(n.Users, account)
}

// forget keeps the id as one that once existed.
func forget(tx *world.Tx, id string) {
	o, _ := owners(tx).Get(id)
	o.Gone = true
	owners(tx).Put(id, o)
}
