package ssm

import (
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestAnImagesParametersAreThoseOfItsType(t *testing.T) {
	w := wiretest.World(t)
	s := New(w, Ports{EC2: &fakeEC2{}})
	const ami = "ami-0123456789abcdef0"
	err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		for name, versions := range map[string][]version{
			"/golden/latest": {{Number: 1, Value: "ami-0123456789abcdef1", DataType: dataImage}, {Number: 2, Value: ami, DataType: dataImage}},
			"/golden/old":    {{Number: 1, Value: ami, DataType: dataImage}, {Number: 2, Value: "ami-0123456789abcdef1", DataType: dataImage}},
			"/golden/text":   {{Number: 1, Value: ami, DataType: "text", Modified: time.Now()}},
		} {
			parameters(tx).Put(name, parameter{Name: name, Last: int64(len(versions)), Versions: versions})
		}
		got := s.ImageParameters(tx, ami)
		if len(got) != 1 || got[0] != "arn:aws:ssm:eu-west-1:"+wiretest.Account+":parameter/golden/latest" {
			t.Errorf("parameters of %s: %v", ami, got)
		}
		if got := s.ImageParameters(tx.In("222222222222", tx.Region), ami); len(got) != 0 {
			t.Errorf("in another account: %v", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
