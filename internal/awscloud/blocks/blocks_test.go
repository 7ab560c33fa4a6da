package blocks_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ebs/types"

	"github.com/goldenami/rehydrate/internal/awscloud/blocks"
	"github.com/goldenami/rehydrate/internal/fault"
	disk "github.com/goldenami/rehydrate/internal/osimage/ebs"
)

// stub answers from a list, the last answer for ever.
type stub struct {
	pages []ebs.ListSnapshotBlocksOutput
	gets  []func() *ebs.GetSnapshotBlockOutput
	err   error

	asked []ebs.ListSnapshotBlocksInput
	calls int
}

func (s *stub) ListSnapshotBlocks(_ context.Context, in *ebs.ListSnapshotBlocksInput, _ ...func(*ebs.Options)) (*ebs.ListSnapshotBlocksOutput, error) {
	s.asked = append(s.asked, *in)
	if s.err != nil {
		return nil, s.err
	}
	return &s.pages[min(len(s.asked), len(s.pages))-1], nil
}

func (s *stub) GetSnapshotBlock(context.Context, *ebs.GetSnapshotBlockInput, ...func(*ebs.Options)) (*ebs.GetSnapshotBlockOutput, error) {
	s.calls++
	if s.err != nil {
		return nil, s.err
	}
	return s.gets[min(s.calls, len(s.gets))-1](), nil
}

func TestAPageIsAskedForByIndexOrByToken(t *testing.T) {
	when := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	s := &stub{pages: []ebs.ListSnapshotBlocksOutput{{BlockSize: aws.Int32(524288), VolumeSize: aws.Int64(8), NextToken: aws.String("more"), ExpiryTime: &when,
		Blocks: []types.Block{{BlockIndex: aws.Int32(7), BlockToken: aws.String("a")}, {BlockIndex: aws.Int32(9), BlockToken: aws.String("b")}}}}}
	b := blocks.Blocks{API: s}
	p, err := b.Page(t.Context(), "snap-1", 0, "")
	if err != nil || len(p.Blocks) != 2 || p.Blocks[1] != (disk.Block{Index: 9, Token: "b"}) || p.BlockSize != 524288 || p.VolumeSize != 8<<30 || p.Next != "more" || !p.Expires.Equal(when) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, c := range []struct {
		from int64
		next string
	}{{10, ""}, {10, "more"}} {
		if _, err := b.Page(t.Context(), "snap-1", c.from, c.next); err != nil {
			t.Fatal(err)
		}
	}
	if a := s.asked; a[0].StartingBlockIndex != nil || a[0].NextToken != nil || *a[1].StartingBlockIndex != 10 || a[1].NextToken != nil || a[2].StartingBlockIndex != nil || *a[2].NextToken != "more" {
		t.Errorf("asked %+v", a)
	}
}

func TestAPageThatMakesNoSenseIsRefused(t *testing.T) {
	for says, page := range map[string]ebs.ListSnapshotBlocksOutput{
		"a volume of 0 GiB":                   {},
		"a volume of -1 GiB":                  {VolumeSize: aws.Int64(-1)},
		"a volume of 9223372036854775807 GiB": {VolumeSize: aws.Int64(1<<63 - 1)},
		"a block has no index":                {VolumeSize: aws.Int64(1), Blocks: []types.Block{{}}},
	} {
		if _, err := (blocks.Blocks{API: &stub{pages: []ebs.ListSnapshotBlocksOutput{page}}}).Page(t.Context(), "snap-1", 0, ""); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", says, err)
		}
	}
}

// answer makes the same answer anew for every call: a body is read once.
func answer(body func() io.Reader, checksum string, length int32) func() *ebs.GetSnapshotBlockOutput {
	return func() *ebs.GetSnapshotBlockOutput {
		return &ebs.GetSnapshotBlockOutput{BlockData: io.NopCloser(body()), Checksum: &checksum, DataLength: &length}
	}
}

func text(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }

func TestABlockIsCheckedAndAskedForAgainWhenItCameBroken(t *testing.T) {
	sum := sha256.Sum256([]byte("block"))
	right := base64.StdEncoding.EncodeToString(sum[:])
	whole := answer(text("block"), right, 5)
	cut := answer(func() io.Reader {
		return io.MultiReader(strings.NewReader("blo"), iotest.ErrReader(io.ErrUnexpectedEOF))
	}, right, 5)
	type answers = []func() *ebs.GetSnapshotBlockOutput
	for _, c := range []struct {
		name  string
		gets  answers
		says  string
		calls int
	}{
		{"whole", answers{whole}, "", 1},
		{"of no stated length", answers{answer(text("block"), right, 0)}, "", 1},
		{"changed", answers{answer(text("blick"), right, 5)}, "checksum", 3},
		{"short", answers{answer(text("blo"), right, 5)}, "3 bytes came, 5 were announced", 3},
		{"without a checksum", answers{answer(text("block"), "", 5)}, "checksum", 3},
		{"whole at the second try", answers{cut, whole}, "", 2},
		{"cut off every time", answers{cut}, "unexpected EOF", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &stub{gets: c.gets}
			got, err := blocks.Blocks{API: s}.Get(t.Context(), "snap-1", 3, "tok")
			if c.says == "" && (err != nil || string(got) != "block") || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%q, %v", got, err)
			}
			if s.calls != c.calls {
				t.Errorf("%d calls, want %d", s.calls, c.calls)
			}
		})
	}
}

func TestARefusedTokenCanBeToldFromOtherErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		token bool
		kind  fault.Kind
	}{
		"a block's token":  {&types.ValidationException{Reason: types.ValidationExceptionReasonInvalidBlockToken}, true, fault.Failed},
		"a page's token":   {&types.ValidationException{Reason: types.ValidationExceptionReasonInvalidPageToken}, true, fault.Failed},
		"another argument": {&types.ValidationException{Reason: types.ValidationExceptionReasonInvalidBlock}, false, fault.Failed},
		"no such snapshot": {&types.ResourceNotFoundException{}, false, fault.NotFound},
		"too often":        {&types.RequestThrottledException{}, false, fault.Throttled},
	} {
		b := blocks.Blocks{API: &stub{err: c.err}}
		_, list := b.Page(t.Context(), "snap-1", 0, "")
		_, get := b.Get(t.Context(), "snap-1", 3, "tok")
		for _, err := range []error{list, get} {
			if errors.Is(err, disk.ErrToken) != c.token || fault.KindOf(err) != c.kind || !errors.Is(err, c.err) {
				t.Errorf("%s: got %v, kind %v", name, err, fault.KindOf(err))
			}
		}
	}
}
