package ebs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ebs/types"
)

func TestAChildHasItsParentsBlocksAndListsWhatChanged(t *testing.T) {
	t.Parallel()
	r := start(t)
	parent := r.begin(nil)
	r.write(parent, map[int32]string{0: "boot", 3: "three", 5: "same"})
	child := r.begin(func(in *sdk.StartSnapshotInput) { in.ParentSnapshotId = &parent })
	r.write(child, map[int32]string{3: "changed", 7: "new", 0: ""})
	if got := r.read(child); got != "3=changed 5=same 7=new" {
		t.Errorf("child: %s", got)
	}
	if got := r.read(parent); got != "0=boot 3=three 5=same" {
		t.Errorf("parent: %s", got)
	}
	show := func(first *string) (out []string) {
		p := sdk.NewListChangedBlocksPaginator(r.c, &sdk.ListChangedBlocksInput{FirstSnapshotId: first, SecondSnapshotId: &child})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range page.ChangedBlocks {
				out = append(out, fmt.Sprintf("%d:%t:%t", *b.BlockIndex, b.FirstBlockToken != nil, b.SecondBlockToken != nil))
				if b.SecondBlockToken == nil {
					continue
				}
				if _, err := r.c.GetSnapshotBlock(ctx, &sdk.GetSnapshotBlockInput{SnapshotId: &child, BlockIndex: b.BlockIndex, BlockToken: b.SecondBlockToken}); err != nil {
					t.Error(err)
				}
			}
		}
		return out
	}
	if got := strings.Join(show(&parent), " "); got != "0:true:false 3:true:true 7:false:true" {
		t.Errorf("changed blocks: %s", got)
	}
	if got := strings.Join(show(nil), " "); got != "3:false:true 5:false:true 7:false:true" {
		t.Errorf("without a first snapshot: %s", got)
	}
	stranger := r.begin(nil)
	r.write(stranger, map[int32]string{0: "x"})
	for name, c := range map[string]struct {
		in     sdk.ListChangedBlocksInput
		reason types.ValidationExceptionReason
	}{
		"of no relation": {sdk.ListChangedBlocksInput{FirstSnapshotId: &stranger, SecondSnapshotId: &child}, types.ValidationExceptionReasonUnrelatedSnapshots},
		"a bad token":    {sdk.ListChangedBlocksInput{SecondSnapshotId: &child, NextToken: aws.String("AAAA")}, types.ValidationExceptionReasonInvalidPageToken},
		"beyond the end": {sdk.ListChangedBlocksInput{SecondSnapshotId: &child, StartingBlockIndex: aws.Int32(4096)}, types.ValidationExceptionReasonInvalidParameterValue},
	} {
		_, err := r.c.ListChangedBlocks(ctx, &c.in)
		wantReason(t, name, err, c.reason)
	}
	for _, in := range []*sdk.ListChangedBlocksInput{{SecondSnapshotId: aws.String("snap-0123456789abcdef0")}, {FirstSnapshotId: aws.String("snap-0123456789abcdef0"), SecondSnapshotId: &child}} {
		var none *types.ResourceNotFoundException
		if _, err := r.c.ListChangedBlocks(ctx, in); !errors.As(err, &none) {
			t.Errorf("an unknown snapshot: %v", err)
		}
	}
	var none *types.ResourceNotFoundException
	if _, err := r.foreign.ListChangedBlocks(ctx, &sdk.ListChangedBlocksInput{SecondSnapshotId: &child}); !errors.As(err, &none) {
		t.Errorf("another account: %v", err)
	}
}

func TestChangedBlocksComeInPages(t *testing.T) {
	t.Parallel()
	r := start(t)
	id := r.begin(nil)
	blocks := map[int32]string{}
	for i := range int32(101) {
		blocks[2*i] = "x"
	}
	r.write(id, blocks)
	p := sdk.NewListChangedBlocksPaginator(r.c, &sdk.ListChangedBlocksInput{SecondSnapshotId: &id, MaxResults: aws.Int32(100)})
	n, pages := 0, 0
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		n += len(page.ChangedBlocks)
	}
	if n != 101 || pages != 2 {
		t.Errorf("%d blocks on %d pages", n, pages)
	}
}
