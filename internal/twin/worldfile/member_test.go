package worldfile_test

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

const unit = "arn:aws:organizations::111111111111:ou/o-abcdefghij/ou-ab12-11111111"

func TestAnAccountIsInTheUnitsThatTheFileNames(t *testing.T) {
	load := func(arn string) (*world.World, *ec2.Service, error) {
		f, err := worldfile.Parse([]byte(`{"account": "111111111111", "region": "eu-west-1", "accounts": [{"id": "222222222222", "memberships": ["`+arn+`"]}]}`), "/worlds", nil)
		if err != nil {
			t.Fatal(err)
		}
		w := wiretest.World(t)
		s := ec2.New(w, nil, t.TempDir())
		w.Start()
		_, err = (&worldfile.Loader{World: w, EC2: s}).Load(f)
		return w, s, err
	}
	w, s, err := load(unit)
	if err != nil {
		t.Fatal(err)
	}
	err = w.Do("111111111111", "eu-west-1", func(tx *world.Tx) error {
		i, err := s.AddImage(tx, ec2.Image{Name: "golden-1", Orgs: []string{unit}}, backing.Image{Layers: []string{"/nowhere"}})
		if err != nil {
			return err
		}
		if _, err := s.ImageByID(tx.In("333333333333", tx.Region), i.ID); err == nil {
			t.Error("an account outside the unit sees the image")
		}
		_, err = s.ImageByID(tx.In("222222222222", tx.Region), i.ID)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if _, _, err := load("arn:aws:iam::1:root"); err == nil || !strings.Contains(err.Error(), "memberships") {
		t.Errorf("a membership of nothing: %v", err)
	}
}
