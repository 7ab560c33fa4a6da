package ssm

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// nodeType is the inventory type that every agent's node has. All others are there only if
// somebody puts them: the twin has no associations that gather software inventory.
const nodeType = "AWS:InstanceInformation"

// awsTypes are the inventory types of AWS ("Metadata collected by inventory", Systems
// Manager User Guide); others begin with Custom:.
var awsTypes = []string{"AWS:AWSComponent", "AWS:Application", "AWS:BillingInfo", "AWS:ComplianceItem", "AWS:File", "AWS:InstanceDetailedInformation", nodeType,
	"AWS:Network", "AWS:PatchSummary", "AWS:ResourceGroup", "AWS:Service", "AWS:Tag", "AWS:WindowsRegistry", "AWS:WindowsRole", "AWS:WindowsUpdate"}

func known(kind string) error {
	if !slices.Contains(awsTypes, kind) && !strings.HasPrefix(kind, "Custom:") {
		return wire.Errorf("InvalidTypeNameException", "The parameter type name %s isn't valid.", kind)
	}
	return nil
}

// items are the inventory of one node and type.
type items struct {
	Instance string              `json:"instance"`
	Type     string              `json:"type"`
	Schema   string              `json:"schema"`
	Captured string              `json:"captured"`
	Hash     string              `json:"hash,omitempty"`
	Content  []map[string]string `json:"content"`
}

func inventory(tx *world.Tx) *world.Rows[items] { return world.Table[items](tx, "ssm/inventory") }

// node is what the agent tells of its node by itself: false before it has registered.
func (s *Service) node(tx *world.Tx, i ec2.Instance) (items, bool) {
	status := map[string]string{"running": "Active", "stopping": "Stopped", "stopped": "Stopped", "shutting-down": "Terminated", "terminated": "Terminated"}[i.State]
	if status == "" || !hasAgent(i) {
		return items{}, false
	}
	if status == "Active" && away(tx, i) {
		status = "ConnectionLost"
	}
	is := map[string]string{"InstanceId": i.ID, "InstanceStatus": status, "AgentType": "amazon-ssm-agent", "AgentVersion": agentVersion,
		"ComputerName": computer(i), "IpAddress": i.Address, "PlatformType": "Linux", "ResourceType": "EC2Instance"}
	if name, version := s.platform(tx, i); name != nil {
		is["PlatformName"], is["PlatformVersion"] = *name, aws.ToString(version)
	}
	return items{Instance: i.ID, Type: nodeType, Schema: "1.0", Captured: i.Launched.UTC().Format(time.RFC3339), Content: []map[string]string{is}}, true
}

// of is one type of a node's inventory.
func (s *Service) of(tx *world.Tx, i ec2.Instance, kind string) (items, bool) {
	if kind == nodeType {
		return s.node(tx, i)
	}
	return inventory(tx).Get(i.ID + "/" + kind)
}

// Limits of PutInventory ("Systems Manager service quotas", AWS General Reference).
const (
	maxInventory = 1 << 20 // bytes of one call, and so of one type
	maxCustom    = 20      // custom types of a node
)

// PutInventory replaces a node's inventory of the types that it names. Content that is the
// same as before may be left out and only its hash given ("PutInventory", Systems Manager
// API Reference).
func (s *Service) PutInventory(tx *world.Tx, in *ssm.PutInventoryInput) (*ssm.PutInventoryOutput, error) {
	id := aws.ToString(in.InstanceId)
	i, ok := s.EC2.InstanceByID(tx, id)
	if !ok || !hasAgent(i) || i.State == "shutting-down" || i.State == "terminated" { // states that are not valid (the same page)
		return nil, wire.Errorf("InvalidInstanceId", "The instance %s is not a managed node in a valid state.", id)
	}
	total, seen := 0, map[string]bool{}
	var put []items
	for _, it := range in.Items {
		kind := aws.ToString(it.TypeName)
		next := items{Instance: id, Type: kind, Schema: aws.ToString(it.SchemaVersion), Captured: aws.ToString(it.CaptureTime), Hash: aws.ToString(it.ContentHash), Content: it.Content}
		size := 0
		for _, row := range it.Content {
			for k, v := range row {
				size += len(k) + len(v)
			}
		}
		total += size
		switch err := known(kind); {
		case err != nil:
			return nil, err
		case kind == nodeType:
			return nil, unmodelled("inventory of type " + nodeType + " that is not the agent's own")
		case seen[kind]:
			return nil, invalid("The inventory type %s is given twice.", kind)
		case size > maxInventory:
			return nil, wire.Errorf("ItemSizeLimitExceededException", "The inventory item %s is larger than %d bytes.", kind, maxInventory)
		case it.Content == nil:
			last, had := inventory(tx).Get(id + "/" + kind)
			if !had || next.Hash == "" || last.Hash != next.Hash {
				return nil, wire.Errorf("ItemContentMismatchException", "The content hash of %s is not that of the inventory that is there.", kind)
			}
			next.Content = last.Content
		}
		seen[kind] = true
		put = append(put, next)
	}
	if total > maxInventory {
		return nil, wire.Errorf("TotalSizeLimitExceededException", "The inventory is larger than %d bytes.", maxInventory)
	}
	for _, it := range inventory(tx).All() {
		if it.Instance == id {
			seen[it.Type] = true
		}
	}
	maps.DeleteFunc(seen, func(kind string, _ bool) bool { return !strings.HasPrefix(kind, "Custom:") })
	if len(seen) > maxCustom {
		return nil, wire.Errorf("CustomSchemaCountLimitExceededException", "A node can have at most %d custom inventory types.", maxCustom)
	}
	for _, it := range put {
		inventory(tx).Put(id+"/"+it.Type, it)
	}
	return &ssm.PutInventoryOutput{}, nil
}

// ListInventoryEntries lists a node's inventory of one type.
func (s *Service) ListInventoryEntries(tx *world.Tx, in *ssm.ListInventoryEntriesInput) (*ssm.ListInventoryEntriesOutput, error) {
	kind := aws.ToString(in.TypeName)
	if err := known(kind); err != nil {
		return nil, err
	}
	if err := askedOf(in.Filters); err != nil {
		return nil, err
	}
	i, ok := s.EC2.InstanceByID(tx, aws.ToString(in.InstanceId))
	if !ok || !hasAgent(i) {
		return nil, wire.Errorf("InvalidInstanceId", "The instance %s is not a managed node.", aws.ToString(in.InstanceId))
	}
	out := &ssm.ListInventoryEntriesOutput{InstanceId: in.InstanceId, TypeName: in.TypeName}
	have, ok := s.of(tx, i, kind)
	if !ok {
		return out, nil
	}
	out.SchemaVersion, out.CaptureTime = &have.Schema, &have.Captured
	rows := slices.DeleteFunc(slices.Clone(have.Content), func(row map[string]string) bool {
		return slices.ContainsFunc(in.Filters, func(f types.InventoryFilter) bool {
			v, named := row[strings.TrimPrefix(aws.ToString(f.Key), kind+".")]
			return !named || !holds(f, v)
		})
	})
	var err error
	out.Entries, out.NextToken, err = page(rows, in.NextToken, in.MaxResults, 50)
	return out, err
}

// GetInventory lists the nodes of which all filters hold with the types that are asked for,
// by default what their agents tell of them. Nodes that are terminated stay as long as EC2
// shows them.
func (s *Service) GetInventory(tx *world.Tx, in *ssm.GetInventoryInput) (*ssm.GetInventoryOutput, error) {
	if len(in.Aggregators) > 0 {
		return nil, unmodelled("aggregators of inventory")
	}
	kinds := []string{nodeType}
	if len(in.ResultAttributes) > 0 {
		kinds = nil
	}
	for _, a := range in.ResultAttributes {
		if err := known(aws.ToString(a.TypeName)); err != nil {
			return nil, err
		}
		kinds = append(kinds, *a.TypeName)
	}
	if err := askedOf(in.Filters); err != nil {
		return nil, err
	}
	for _, f := range in.Filters {
		kind, name, ok := strings.Cut(aws.ToString(f.Key), ".")
		if err := known(kind); !ok || name == "" || err != nil {
			return nil, wire.Errorf("InvalidFilter", "The filter name %s is not valid.", aws.ToString(f.Key))
		}
	}
	var all []types.InventoryResultEntity
	for _, i := range s.EC2.Instances(tx) {
		if _, registered := s.node(tx, i); !registered || !s.passes(tx, i, in.Filters) {
			continue
		}
		e := types.InventoryResultEntity{Id: aws.String(i.ID), Data: map[string]types.InventoryResultItem{}}
		for _, kind := range kinds {
			if have, ok := s.of(tx, i, kind); ok {
				r := types.InventoryResultItem{TypeName: &have.Type, SchemaVersion: &have.Schema, CaptureTime: &have.Captured, Content: have.Content}
				if have.Hash != "" {
					r.ContentHash = &have.Hash
				}
				e.Data[kind] = r
			}
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b types.InventoryResultEntity) int { return cmp.Compare(*a.Id, *b.Id) })
	cut, next, err := page(all, in.NextToken, in.MaxResults, 50)
	return &ssm.GetInventoryOutput{Entities: cut, NextToken: next}, err
}

// passes says whether of each filter some entry of the node's inventory holds.
func (s *Service) passes(tx *world.Tx, i ec2.Instance, filters []types.InventoryFilter) bool {
	for _, f := range filters {
		kind, name, _ := strings.Cut(*f.Key, ".")
		have, _ := s.of(tx, i, kind)
		if kind == "AWS:Tag" { // the instance's own
			for k, v := range i.Tags {
				have.Content = append(have.Content, map[string]string{"Key": k, "Value": v})
			}
		}
		if !slices.ContainsFunc(have.Content, func(row map[string]string) bool { v, named := row[name]; return named && holds(f, v) }) {
			return false
		}
	}
	return true
}

// askedOf refuses filters that the twin does not hold nodes against.
func askedOf(filters []types.InventoryFilter) error {
	for _, f := range filters {
		if f.Type == types.InventoryQueryOperatorTypeExists {
			return wire.Errorf("InvalidFilter", "The filter type Exists must be used with an aggregator.")
		}
	}
	return nil
}

// holds compares as texts, which is all that inventory has.
func holds(f types.InventoryFilter, v string) bool {
	some := func(ok func(string) bool) bool { return slices.ContainsFunc(f.Values, ok) }
	switch f.Type {
	case types.InventoryQueryOperatorTypeNotEqual:
		return !slices.Contains(f.Values, v)
	case types.InventoryQueryOperatorTypeBeginWith:
		return some(func(p string) bool { return strings.HasPrefix(v, p) })
	case types.InventoryQueryOperatorTypeLessThan:
		return some(func(p string) bool { return v < p })
	case types.InventoryQueryOperatorTypeGreaterThan:
		return some(func(p string) bool { return v > p })
	}
	return slices.Contains(f.Values, v)
}
