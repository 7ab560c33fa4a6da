package wire

import (
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestMembersAreAbsentWhereReflectionSaysSo(t *testing.T) {
	t.Parallel()
	m, err := loadModel("ec2")
	if err != nil {
		t.Fatal(err)
	}
	c := newCompiler(m)
	for _, value := range []any{
		&types.Instance{}, &types.Instance{InstanceId: aws.String(""), Tags: []types.Tag{}, Architecture: "arm64", LaunchTime: &time.Time{}},
		&types.Image{Name: aws.String("x"), BlockDeviceMappings: []types.BlockDeviceMapping{{}}, State: types.ImageStateAvailable},
	} {
		v := reflect.ValueOf(value).Elem()
		p := c.compile(v.Type().Name(), v.Type(), false)
		if len(p.fields) < 20 {
			t.Fatalf("%s has %d fields", v.Type(), len(p.fields))
		}
		for name, in := range map[string]reflect.Value{"in its place": v, "without an address": reflect.ValueOf(v.Interface())} {
			b := base(in)
			if (b == nil) != (name == "without an address") {
				t.Errorf("%s: base %v", name, b)
			}
			for _, f := range p.fields {
				if got, want := f.absentIn(b, in), absent(in.Field(f.index)); got != want {
					t.Errorf("%s %s, %s: absent %v", v.Type(), f.name, name, got)
				}
			}
		}
	}
}

func TestAnswersThatAreSentAgainDoNotMix(t *testing.T) {
	t.Parallel()
	b := &bound{}
	one := append(b.buffer(4), "one and more"...)
	b.buffers.Put(&one)
	two := append(b.buffer(3), "two"...)
	if string(two) != "two" || cap(b.buffer(1000)) < 1000 {
		t.Errorf("%q", two)
	}
}
