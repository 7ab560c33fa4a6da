package wua

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/exact"
	"github.com/goldenami/rehydrate/internal/fault"
)

const schema = 1

// wire is the JSON that search.ps1 prints.
type wire struct {
	Schema       int       `json:"schema"`
	Machine      machine   `json:"machine"`
	Online       bool      `json:"online"`
	Server       int       `json:"server"` // ServerSelection
	Services     []service `json:"services"`
	Result       int       `json:"result"` // OperationResultCode
	Warnings     []warning `json:"warnings"`
	Updates      []update  `json:"updates"`
	History      []event   `json:"history"`
	HistoryError string    `json:"historyError"`
}

type machine struct {
	Caption        string `json:"caption"`
	Version        string `json:"version"` // 10.0.20348
	Build          string `json:"build"`   // 20348
	BuildRevision  int    `json:"buildRevision"`
	ProductType    int    `json:"productType"` // 1: a workstation
	Arch           string `json:"arch"`
	BootTime       string `json:"bootTime"`
	RebootRequired bool   `json:"rebootRequired"`
}

type service struct {
	ID      string `json:"id"`
	Managed bool   `json:"managed"`
	Default bool   `json:"default"`
}

type warning struct {
	HResult int    `json:"hresult"`
	Message string `json:"message"`
}

// update is one IUpdate. The agent returns only what is installed or applicable.
type update struct {
	ID             string     `json:"id"`
	Revision       int        `json:"revision"`
	Title          string     `json:"title"`
	KBs            []string   `json:"kbs"` // 5034129, or with KB before it
	Bulletins      []string   `json:"bulletins"`
	CVEs           []string   `json:"cves"`
	BundledKBs     []string   `json:"bundledKbs"`
	Categories     []category `json:"categories"`
	Severity       string     `json:"severity"`
	Changed        string     `json:"changed"` // LastDeploymentChangeTime, UTC; may be empty
	Supersedes     []string   `json:"supersedes"`
	Installed      bool       `json:"installed"`
	Hidden         bool       `json:"hidden"`
	Downloaded     bool       `json:"downloaded"`
	RebootRequired bool       `json:"rebootRequired"` // to complete its installation or removal
	EulaAccepted   bool       `json:"eulaAccepted"`
	MayAsk         bool       `json:"mayAsk"` // its installation may ask for input
}

type category struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Name       string `json:"name"`
	ParentType string `json:"parentType"`
	ParentName string `json:"parentName"`
}

// event is one IUpdateHistoryEntry.
type event struct {
	ID        string `json:"id"`
	Date      string `json:"date"`
	Operation int    `json:"operation"` // 1: installation
	Result    int    `json:"result"`
}

// failure is what search.ps1 prints instead when the agent could not be asked.
type failure struct {
	Schema  int    `json:"schema"`
	Error   string `json:"error"`
	HResult int    `json:"hresult"`
}

// The values of OperationResultCode and UpdateOperation that matter here.
const (
	succeeded    = 2
	installation = 1
)

// Answer is what the agent said: complete, well formed, and not empty.
type Answer struct {
	wire
	boot    time.Time
	changed []time.Time // of each update; zero: it states none
	kbs     []knowledge // by KB id
}

// Bounds of an answer: a machine sees hundreds of updates, an update has one KB and a
// handful of categories.
const (
	maxUpdates = 20_000
	maxWords   = 100 // KBs, bulletins or categories of one update
)

// Parse reads the answer strictly. An agent that could not finish its search is an
// error: what it did not see might be missing.
func Parse(data []byte) (*Answer, error) {
	bad := func(err error) error { return fmt.Errorf("read the Windows Update Agent's answer: %w", err) }
	if err := refused(data); err != nil {
		return nil, err
	}
	a := &Answer{}
	if err := exact.Decode(data, &a.wire); err != nil {
		return nil, bad(err)
	}
	if a.Schema != schema {
		return nil, bad(fmt.Errorf("schema %d is not %d", a.Schema, schema))
	}
	if a.Result != succeeded {
		return nil, fault.New(fault.Failed, "look at the machine's Windows Update log",
			"search for updates: the agent's result is %s%s", resultName(a.Result), a.warned())
	}
	if err := a.check(); err != nil {
		return nil, bad(err)
	}
	if err := a.group(); err != nil {
		return nil, bad(err)
	}
	return a, nil
}

// refused is the error that the script reports instead of an answer, if it does.
func refused(data []byte) error {
	var keys map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimSpace(data), &keys) != nil || keys["error"] == nil {
		return nil
	}
	var f failure
	if err := exact.Decode(data, &f); err != nil {
		return fmt.Errorf("read the Windows Update Agent's answer: %w", err)
	}
	return fault.New(fault.Failed, "", "ask the Windows Update Agent: %s (%s)", strings.TrimSpace(f.Error), hex(f.HResult))
}

func (a *Answer) warned() string {
	text := ""
	for _, w := range a.Warnings {
		text += fmt.Sprintf("; %s (%s)", strings.TrimSpace(w.Message), hex(w.HResult))
	}
	return text
}

var (
	guid = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	})
	kbForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?i:KB)?([0-9]{1,10})$`) })
)

// check holds every value to its form and brings ids to one spelling.
func (a *Answer) check() (err error) {
	if a.boot, err = moment(a.Machine.BootTime); err != nil || a.boot.IsZero() {
		return errors.Join(errors.New("machine.bootTime is no time"), err)
	}
	if len(a.Updates) > maxUpdates {
		return fmt.Errorf("it has %d updates, more than %d", len(a.Updates), maxUpdates)
	}
	seen := map[string]bool{}
	a.changed = make([]time.Time, len(a.Updates))
	for i := range a.Updates {
		u := &a.Updates[i]
		if !guid().MatchString(u.ID) {
			return fmt.Errorf("updates[%d].id %.60q is no GUID", i, u.ID)
		}
		u.ID = strings.ToLower(u.ID)
		if seen[u.ID] {
			return fmt.Errorf("update %s stands there twice", u.ID)
		}
		seen[u.ID] = true
		if max(len(u.KBs), len(u.Bulletins), len(u.Categories)) > maxWords {
			return fmt.Errorf("update %s has more than %d KBs, bulletins or categories", u.ID, maxWords)
		}
		if a.changed[i], err = moment(u.Changed); err != nil {
			return fmt.Errorf("update %s: changed: %w", u.ID, err)
		}
		for _, list := range [][]string{u.KBs, u.BundledKBs} {
			for j, kb := range list {
				m := kbForm().FindStringSubmatch(kb)
				if m == nil {
					return fmt.Errorf("update %s: %.60q is no KB id", u.ID, kb)
				}
				list[j] = "KB" + m[1]
			}
		}
		for j, id := range u.Supersedes {
			if !guid().MatchString(id) {
				return fmt.Errorf("update %s supersedes %.60q, which is no GUID", u.ID, id)
			}
			u.Supersedes[j] = strings.ToLower(id)
		}
	}
	return nil
}

// moment reads a time as the script writes it; empty is the zero time.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse("2006-01-02T15:04:05Z", text)
}

func hex(hresult int) string { return fmt.Sprintf("0x%08X", uint32(int32(hresult))) }

func resultName(code int) string {
	names := []string{"not started", "in progress", "succeeded", "succeeded with errors", "failed", "aborted"}
	if code < 0 || code >= len(names) {
		return fmt.Sprintf("unknown (%d)", code)
	}
	return names[code]
}
