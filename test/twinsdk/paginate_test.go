package twinsdk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// onePage are the paginators that have no second page here, and why.
var onePage = map[string]string{
	"ec2 DescribeRouteTables":                      "there is one network",
	"ec2 DescribeSubnets":                          "the default network has three subnets, the least page is five",
	"ec2 DescribeVpcs":                             "there is one network",
	"autoscaling DescribeWarmPool":                 "no group has a warm pool",
	"ssm DescribeInstancePatches":                  "the instances have no packages",
	"ssm DescribeInstancePatchStates":              "there are seven instances, the least page is ten",
	"ssm DescribeInstancePatchStatesForPatchGroup": "there are seven instances, the least page is ten",
	"ebs ListSnapshotBlocks":                       "the disk of a modelled image has fewer blocks than the least page, which is 100",
	"ebs ListChangedBlocks":                        "the disk of a modelled image has fewer blocks than the least page, which is 100",
}

// TestEveryPaginatorGoesToTheEnd pages through everything with the least page that the
// operation takes, and wants what one large page has, each thing once.
func TestEveryPaginatorGoesToTheEndCompleteAndWithoutDoubles(t *testing.T) {
	if testing.Short() {
		t.Skip("stocks a world: some seconds")
	}
	r := newRig(t, world.Manual)
	given := r.stock()
	for _, constructor := range paginators() {
		name := nameOf(constructor, "Paginator")
		f := reflect.ValueOf(constructor)
		client := r.clientFor(t, f)
		input := func(limit int32) reflect.Value {
			in := reflect.New(f.Type().In(1).Elem())
			fill(in.Elem(), strings.Fields(name)[1], given)
			if field := limitField(in.Elem()); field.IsValid() && limit > 0 {
				field.Set(reflect.ValueOf(&limit))
			}
			return in
		}
		whole, _, err := pages(f, client, input(0))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var parts []string
		n := 0
		for _, limit := range []int32{1, 2, 5, 10, 20, 50, 100} { // the first that is accepted
			if parts, n, err = pages(f, client, input(limit)); err == nil || !refusesLimit(err) {
				break
			}
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		slices.Sort(whole)
		slices.Sort(parts)
		if !slices.Equal(whole, parts) {
			t.Errorf("%s: %d things at once, %d in pages%s", name, len(whole), len(parts), firstDifference(whole, parts))
		}
		if reason := onePage[name]; (n < 2) != (reason != "") {
			t.Errorf("%s: %d pages of %d things in all; the reason for one is %q", name, n, len(parts), reason)
		}
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf(", such as %.300s and %.300s", a[i], b[i])
		}
	}
	return ""
}

func refusesLimit(err error) bool {
	text := err.Error()
	return strings.Contains(text, "Validation") || strings.Contains(text, "InvalidParameterValue") || strings.Contains(text, "Max")
}

// clientFor is the client that a constructor takes.
func (r *rig) clientFor(t *testing.T, constructor reflect.Value) reflect.Value {
	t.Helper()
	for _, c := range r.clients() {
		if reflect.TypeOf(c).Implements(constructor.Type().In(0)) {
			return reflect.ValueOf(c)
		}
	}
	t.Fatalf("no client for %s", constructor.Type())
	return reflect.Value{}
}

// fill sets what the operation must be told.
func fill(in reflect.Value, operation string, given map[string]any) {
	for i := range in.NumField() {
		name := in.Type().Field(i).Name
		v, ok := given[operation+"."+name]
		if !ok {
			v, ok = given[name]
		}
		if ok && reflect.TypeOf(v) == in.Field(i).Type() {
			in.Field(i).Set(reflect.ValueOf(v))
		}
	}
}

func limitField(in reflect.Value) reflect.Value {
	for _, name := range []string{"MaxResults", "MaxRecords", "MaxItems", "PageSize", "Limit", "MaxKeys", "MaxBuckets", "MaxParts", "MaxUploads", "MaxDatapoints"} {
		if f := in.FieldByName(name); f.IsValid() && f.Type() == reflect.TypeFor[*int32]() {
			return f
		}
	}
	return reflect.Value{}
}

// pages runs a paginator to its end: all things, as text, and the number of pages.
func pages(constructor, client, in reflect.Value) (things []string, n int, err error) {
	p := constructor.Call([]reflect.Value{client, in})[0]
	for n = 0; p.MethodByName("HasMorePages").Call(nil)[0].Bool(); n++ {
		if n > 500 {
			return nil, n, fmt.Errorf("more than %d pages", n)
		}
		res := p.MethodByName("NextPage").Call([]reflect.Value{reflect.ValueOf(ctx)})
		if err, _ := res[1].Interface().(error); err != nil {
			return nil, n, err
		}
		out := res[0].Elem()
		for i := range out.NumField() {
			if f := out.Field(i); f.Kind() == reflect.Slice {
				for k := range f.Len() {
					text, err := json.Marshal(f.Index(k).Interface())
					if err != nil {
						return nil, n, err
					}
					things = append(things, string(text))
				}
			}
		}
	}
	return things, n, nil
}

// nameOf is "service Operation" or "service Thing" of a constructor.
func nameOf(constructor any, kind string) string {
	out := reflect.TypeOf(constructor).Out(0).Elem()
	service := out.PkgPath()[strings.LastIndexByte(out.PkgPath(), '/')+1:]
	return service + " " + strings.TrimSuffix(out.Name(), kind)
}
