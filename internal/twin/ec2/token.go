package ec2

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// token remembers what a client token stood for.
type token struct {
	Digest string `json:"digest"` // of the parameters
	Result string `json:"result"` // id of what was made
}

// once finds what an earlier request with this token made. The same token with
// other parameters is an error ("Ensuring idempotency in Amazon EC2 API requests",
// EC2 Developer Guide). remember is to be called with the result of a new request.
func once(tx *world.Tx, op, clientToken string, in any) (result string, remember func(string), err error) {
	if clientToken == "" {
		return "", func(string) {}, nil
	}
	if len(clientToken) > 64 {
		return "", nil, badValue("Invalid value '%s' for clientToken: longer than 64 characters", clientToken)
	}
	data, err := json.Marshal(in)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	rows := world.Table[token](tx, "ec2/tokens")
	key := op + "/" + clientToken
	if t, ok := rows.Get(key); ok {
		if t.Digest != digest {
			return "", nil, wire.Errorf("IdempotentParameterMismatch",
				"The request uses the same client token as a previous, but non-identical request.")
		}
		return t.Result, func(string) {}, nil
	}
	return "", func(result string) { rows.Put(key, token{digest, result}) }, nil
}
