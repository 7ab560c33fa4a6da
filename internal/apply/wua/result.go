package wua

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/exact"
	"github.com/goldenami/rehydrate/internal/fault"
)

const schema = 1

// result is the JSON that install.ps1 prints.
type result struct {
	Schema         int      `json:"schema"`
	Search         int      `json:"search"` // OperationResultCode
	Busy           bool     `json:"busy"`
	RestartFirst   bool     `json:"restartFirst"`
	RebootRequired bool     `json:"rebootRequired"`
	Results        []single `json:"results"`
}

// single is how one update ended; codes are OperationResultCode.
type single struct {
	ID              string `json:"id"`
	Revision        int    `json:"revision"`
	Download        int    `json:"download"`
	DownloadHResult int    `json:"downloadHResult"`
	Install         int    `json:"install"` // 0: not tried
	InstallHResult  int    `json:"installHResult"`
	RebootRequired  bool   `json:"rebootRequired"`
}

// failure is what install.ps1 prints instead when the agent refused.
type failure struct {
	Schema  int    `json:"schema"`
	Error   string `json:"error"`
	HResult int    `json:"hresult"`
}

// The values of OperationResultCode that matter here.
const (
	notStarted = 0
	succeeded  = 2
)

func parse(data []byte) (*result, error) {
	var keys map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimSpace(data), &keys) == nil && keys["error"] != nil {
		var f failure
		if err := exact.Decode(data, &f); err != nil {
			return nil, fmt.Errorf("read the Windows Update Agent's result: %w", err)
		}
		return nil, fault.New(fault.Failed, "", "the Windows Update Agent refuses: %s (%s)", strings.TrimSpace(f.Error), hex(f.HResult))
	}
	var r result
	if err := exact.Decode(data, &r); err != nil {
		return nil, fmt.Errorf("read the Windows Update Agent's result: %w", err)
	}
	if r.Schema != schema {
		return nil, fmt.Errorf("read the Windows Update Agent's result: schema %d is not %d", r.Schema, schema)
	}
	seen := map[string]bool{}
	for _, s := range r.Results {
		id := Update{s.ID, s.Revision}.String()
		if !guid().MatchString(s.ID) || seen[id] {
			return nil, fmt.Errorf("read the Windows Update Agent's result: %.60q is no GUID or stands there twice", s.ID)
		}
		seen[id] = true
	}
	return &r, nil
}

// judge adds what became of wanted to out. Only a plain success is one: what is not
// mentioned, not tried, or ended "with errors" has failed.
func (r *result) judge(wanted []Update, out *Outcome) {
	out.Reboot = out.Reboot || r.RebootRequired
	ended := map[string]single{}
	for _, s := range r.Results {
		ended[Update{s.ID, s.Revision}.String()] = s
		out.Reboot = out.Reboot || s.RebootRequired
	}
	for _, u := range wanted {
		s, ok := ended[u.String()]
		switch {
		case !ok && r.Search != succeeded:
			out.Failed[u] = "the search for it " + resultName(r.Search)
		case !ok:
			out.Failed[u] = "the Windows Update Agent does not offer it any more"
		case s.Install == succeeded:
		case s.Install == notStarted && s.Download != succeeded:
			out.Failed[u] = fmt.Sprintf("its download %s (%s)", resultName(s.Download), hex(s.DownloadHResult))
		default:
			out.Failed[u] = fmt.Sprintf("its installation %s (%s)", resultName(s.Install), hex(s.InstallHResult))
		}
	}
}

func hex(hresult int) string { return fmt.Sprintf("0x%08X", uint32(int32(hresult))) }

func resultName(code int) string {
	names := []string{"was not started", "is still in progress", "succeeded", "succeeded with errors", "failed", "was aborted"}
	if code < 0 || code >= len(names) {
		return fmt.Sprintf("ended in a way that is not known (%d)", code)
	}
	return names[code]
}
