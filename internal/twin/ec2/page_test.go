package ec2

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"pgregory.net/rapid"
)

func itself(s string) string { return s }

func words(t *rapid.T) []string {
	all := rapid.SliceOfDistinct(rapid.StringMatching(`[a-z]{1,4}`), rapid.ID[string]).Draw(t, "all")
	slices.Sort(all)
	return all
}

func TestPagesTogetherAreTheList(t *testing.T) {
	tx := &world.Tx{Account: "111111111111", Region: "eu-west-1"}
	rapid.Check(t, func(t *rapid.T) {
		all := words(t)
		in := &ec2.DescribeVolumesInput{}
		var got []string
		for {
			in.MaxResults = aws.Int32(rapid.Int32Range(5, 60).Draw(t, "limit")) // it may change from page to page
			part, next, err := page(tx, in, all, itself, 5, 20)
			if err != nil || len(part) > int(min(*in.MaxResults, 20)) {
				t.Fatalf("page of %d: %v", len(part), err)
			}
			got = append(got, part...)
			if in.NextToken = next; next == nil {
				break
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(all) && len(got)+len(all) > 0 {
			t.Fatalf("pages make %v, not %v", got, all)
		}
	})
}

func TestWhatGoesBetweenTwoPagesHidesNothingElse(t *testing.T) {
	tx := &world.Tx{Account: "111111111111", Region: "eu-west-1"}
	rapid.Check(t, func(t *rapid.T) {
		all := words(t)
		in := &ec2.DescribeVolumesInput{MaxResults: aws.Int32(5)}
		first, next, err := page(tx, in, all, itself, 5, 20)
		if err != nil || next == nil {
			return
		}
		gone := rapid.SliceOfDistinct(rapid.SampledFrom(all), rapid.ID[string]).Draw(t, "gone")
		left := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(gone, s) })
		in.NextToken, in.MaxResults = next, nil
		second, _, err := page(tx, in, left, itself, 5, 20)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.DeleteFunc(slices.Clone(left), func(s string) bool { return s <= first[len(first)-1] })
		if !slices.Equal(second, want) {
			t.Fatalf("after %v and without %v: %v, want %v", first, gone, second, want)
		}
	})
}

func TestATokenBelongsToItsRequest(t *testing.T) {
	tx := &world.Tx{Account: "111111111111", Region: "eu-west-1"}
	all := strings.Fields("a b c d e f g h")
	in := ec2.DescribeVolumesInput{MaxResults: aws.Int32(5), Filters: []types.Filter{{Name: aws.String("size"), Values: []string{"8"}}}}
	_, next, err := page(tx, &in, all, itself, 5, 20)
	if err != nil {
		t.Fatal(err)
	}
	var refused *wire.Error
	check := func(name string, err error) {
		t.Helper()
		if !errors.As(err, &refused) || refused.Code != "InvalidParameterValue" {
			t.Errorf("%s: %v", name, err)
		}
	}
	in.NextToken = next
	if rest, _, err := page(tx, &in, all, itself, 5, 20); err != nil || !slices.Equal(rest, []string{"f", "g", "h"}) {
		t.Fatalf("the rest: %v, %v", rest, err)
	}
	for name, at := range map[string]*world.Tx{"account": {Account: "222222222222", Region: "eu-west-1"}, "region": {Account: "111111111111", Region: "eu-west-2"}} {
		_, _, err := page(at, &in, all, itself, 5, 20)
		check("in another "+name, err)
	}
	other := in
	other.Filters = nil
	_, _, err = page(tx, &other, all, itself, 5, 20)
	check("with other filters", err)
	_, _, err = page(tx, &ec2.DescribeSnapshotsInput{NextToken: next, Filters: in.Filters}, all, itself, 5, 20)
	check("of another operation", err)
	for _, bad := range []string{"x!", "NQ", *next + "A", "A" + *next, (*next)[:10], strings.ToLower(*next), strings.Repeat("QUFB", 1000)} {
		in.NextToken = &bad
		_, _, err := page(tx, &in, all, itself, 5, 20)
		check("token "+bad[:min(len(bad), 30)], err)
	}
	for _, n := range []int32{4, 0, -1} {
		_, _, err := page(tx, &ec2.DescribeVolumesInput{MaxResults: &n}, all, itself, 5, 20)
		check(fmt.Sprintf("a page of %d", n), err)
	}
}
