package ssm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func filter(key string, kind types.InventoryQueryOperatorType, values ...string) []types.InventoryFilter {
	return []types.InventoryFilter{{Key: &key, Type: kind, Values: values}}
}

// nodes are the ids of the nodes of which a filter holds.
func (r *rig) nodes(filters []types.InventoryFilter) string {
	r.t.Helper()
	var ids []string
	pages := sdk.NewGetInventoryPaginator(r.c, &sdk.GetInventoryInput{Filters: filters, MaxResults: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(r.t.Context())
		if err != nil {
			return code(err)
		}
		for _, e := range page.Entities {
			ids = append(ids, *e.Id)
		}
	}
	return strings.Join(ids, " ")
}

func app(name, version string) map[string]string {
	return map[string]string{"Name": name, "Version": version}
}

func item(kind string, rows ...map[string]string) types.InventoryItem {
	return types.InventoryItem{TypeName: &kind, SchemaVersion: aws.String("1.0"), CaptureTime: aws.String("2026-03-01T12:00:00Z"), Content: rows}
}

func TestEveryNodeWithAnAgentTellsOfItself(t *testing.T) {
	r := newRig(t)
	r.ec2.instances[1].State = "stopped"
	r.ec2.instances[2].State = "pending"
	out, err := r.c.GetInventory(t.Context(), &sdk.GetInventoryInput{Filters: filter("AWS:InstanceInformation.InstanceId", types.InventoryQueryOperatorTypeEqual, "i-00000000")})
	if err != nil || len(out.Entities) != 1 || len(out.Entities[0].Data) != 1 {
		t.Fatalf("%+v %v", out, err)
	}
	if is := out.Entities[0].Data["AWS:InstanceInformation"].Content[0]; is["InstanceStatus"] != "Active" || is["PlatformName"] != "Debian GNU/Linux" || is["PlatformVersion"] != "12" || is["PlatformType"] != "Linux" {
		t.Errorf("the node is %v", is)
	}
	if got := r.nodes(filter("AWS:InstanceInformation.InstanceStatus", types.InventoryQueryOperatorTypeNotEqual, "Stopped")); strings.Contains(got, "i-00000001") || strings.Contains(got, "i-00000002") || !strings.Contains(got, "i-00000000") {
		t.Errorf("not stopped are %s", got)
	}
	info, err := r.c.DescribeInstanceInformation(t.Context(), &sdk.DescribeInstanceInformationInput{})
	if err != nil {
		t.Fatal(err)
	}
	last := r.ec2.instances[len(r.ec2.instances)-1].ID
	for _, i := range info.InstanceInformationList {
		if known := *i.InstanceId != last; known != (aws.ToString(i.PlatformName) == "Debian GNU/Linux") || known != (aws.ToString(i.PlatformVersion) == "12") {
			t.Errorf("%s is of %q %q", *i.InstanceId, aws.ToString(i.PlatformName), aws.ToString(i.PlatformVersion))
		}
	}
}

func TestInventoryIsPutFilteredAndListed(t *testing.T) {
	r := newRig(t)
	put := func(id string, items ...types.InventoryItem) error {
		_, err := r.c.PutInventory(t.Context(), &sdk.PutInventoryInput{InstanceId: &id, Items: items})
		return err
	}
	if err := put("i-00000000", item("AWS:Application", app("openssl", "3.0.11"), app("bash", "5.2"))); err != nil {
		t.Fatal(err)
	}
	if err := put("i-00000001", item("AWS:Application", app("bash", "5.1")), item("Custom:Rack", map[string]string{"Row": "7"})); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		f    []types.InventoryFilter
		want string
	}{
		{filter("AWS:Application.Name", types.InventoryQueryOperatorTypeEqual, "openssl"), "i-00000000"},
		{filter("AWS:Application.Name", types.InventoryQueryOperatorTypeBeginWith, "ba", "zz"), "i-00000000 i-00000001"},
		{filter("AWS:Application.Version", types.InventoryQueryOperatorTypeGreaterThan, "5.1"), "i-00000000"},
		{filter("AWS:Application.Version", types.InventoryQueryOperatorTypeLessThan, "3"), ""},
		{filter("Custom:Rack.Row", "", "7"), "i-00000001"},
		{filter("Custom:Rack.Column", "", "7"), ""},
		{filter("AWS:Application.Name", types.InventoryQueryOperatorTypeExists, "x"), "InvalidFilter"},
		{filter("Name", "", "x"), "InvalidFilter"},
	} {
		if got := r.nodes(c.f); got != c.want {
			t.Errorf("%s %s %v: %q, want %q", *c.f[0].Key, c.f[0].Type, c.f[0].Values, got, c.want)
		}
	}
	asked, err := r.c.GetInventory(t.Context(), &sdk.GetInventoryInput{ResultAttributes: []types.ResultAttribute{{TypeName: aws.String("Custom:Rack")}}, Filters: filter("Custom:Rack.Row", "", "7")})
	if err != nil || len(asked.Entities) != 1 || len(asked.Entities[0].Data) != 1 || asked.Entities[0].Data["Custom:Rack"].Content[0]["Row"] != "7" {
		t.Errorf("the type that was asked for: %+v, %v", asked, err)
	}
	list := &sdk.ListInventoryEntriesInput{InstanceId: aws.String("i-00000000"), TypeName: aws.String("AWS:Application"), Filters: filter("Name", "", "bash")}
	entries, err := r.c.ListInventoryEntries(t.Context(), list)
	if err != nil || len(entries.Entries) != 1 || entries.Entries[0]["Version"] != "5.2" || *entries.CaptureTime != "2026-03-01T12:00:00Z" {
		t.Errorf("%+v, %v", entries, err)
	}
	// A type that is put again is replaced; the others stay.
	if err := put("i-00000001", item("AWS:Application", app("zsh", "5.9"))); err != nil {
		t.Fatal(err)
	}
	if got := r.nodes(filter("AWS:Application.Name", "", "bash")) + "," + r.nodes(filter("Custom:Rack.Row", "", "7")); got != "i-00000000,i-00000001" {
		t.Errorf("after the second put: %s", got)
	}
	// Content that has not changed need not be sent again.
	same := item("Custom:Rack", map[string]string{"Row": "8"})
	same.ContentHash = aws.String("h")
	if err := put("i-00000001", same); err != nil {
		t.Fatal(err)
	}
	same.Content = nil
	if err := put("i-00000001", same); err != nil || r.nodes(filter("Custom:Rack.Row", "", "8")) != "i-00000001" {
		t.Errorf("the same again: %v", err)
	}
}

func TestInventoryRefuses(t *testing.T) {
	r := newRig(t)
	r.ec2.instances[1].State = "shutting-down"
	var many []types.InventoryItem
	for n := range 21 {
		many = append(many, item(fmt.Sprintf("Custom:T%d", n), app("a", "b")))
	}
	hash := item("Custom:X")
	hash.Content, hash.ContentHash = nil, aws.String("h")
	for name, c := range map[string]struct {
		id    string
		items []types.InventoryItem
		want  string
	}{
		"no node":          {"i-0000dead", []types.InventoryItem{item("AWS:Application", app("a", "b"))}, "InvalidInstanceId"},
		"no type":          {"i-00000000", []types.InventoryItem{item("AWS:Weather", app("a", "b"))}, "InvalidTypeNameException"},
		"the agent's":      {"i-00000000", []types.InventoryItem{item("AWS:InstanceInformation", app("a", "b"))}, "UnsupportedOperation"},
		"twice":            {"i-00000000", []types.InventoryItem{item("AWS:File", app("a", "b")), item("AWS:File", app("a", "b"))}, "ValidationException"},
		"too many":         {"i-00000000", many, "CustomSchemaCountLimitExceededException"},
		"nothing to match": {"i-00000000", []types.InventoryItem{hash}, "ItemContentMismatchException"},
		"too large":        {"i-00000000", []types.InventoryItem{item("AWS:File", manyRows(300)...)}, "ItemSizeLimitExceededException"},
		"together":         {"i-00000000", []types.InventoryItem{item("AWS:File", manyRows(150)...), item("AWS:Service", manyRows(150)...)}, "TotalSizeLimitExceededException"},
		"one that ends":    {"i-00000001", []types.InventoryItem{item("AWS:File", app("a", "b"))}, "InvalidInstanceId"},
	} {
		if _, err := r.c.PutInventory(t.Context(), &sdk.PutInventoryInput{InstanceId: &c.id, Items: c.items}); code(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := r.c.GetInventory(t.Context(), &sdk.GetInventoryInput{ResultAttributes: []types.ResultAttribute{{TypeName: aws.String("AWS:Weather")}}}); code(err) != "InvalidTypeNameException" {
		t.Error(err)
	}
	if _, err := r.c.GetInventory(t.Context(), &sdk.GetInventoryInput{Aggregators: []types.InventoryAggregator{{Expression: aws.String("AWS:InstanceInformation.PlatformType")}}}); code(err) != "UnsupportedOperation" {
		t.Error(err)
	}
	for id, kind := range map[string]string{"i-0000dead": "AWS:File", "i-00000000": "AWS:Weather"} {
		want := map[string]string{"AWS:File": "InvalidInstanceId", "AWS:Weather": "InvalidTypeNameException"}[kind]
		if _, err := r.c.ListInventoryEntries(t.Context(), &sdk.ListInventoryEntriesInput{InstanceId: &id, TypeName: &kind}); code(err) != want {
			t.Errorf("list %s of %s: %v", kind, id, err)
		}
	}
}

func manyRows(n int) (rows []map[string]string) {
	for range n {
		rows = append(rows, app("a", strings.Repeat("x", 4000)))
	}
	return rows
}
