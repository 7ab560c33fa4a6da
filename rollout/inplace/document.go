package inplace

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

// The steps of the command document; Run Command names outputs after them. A name
// has four characters or more (GetCommandInvocation's PluginName).
const (
	stepFetch = "fetch"
	stepPatch = "patch"
	stepClean = "clean"
)

// The parameters of the command document.
const (
	paramSource  = "source"        // https address of the kit's folder in S3
	paramFolder  = "folder"        // private folder on the node, removed at the end
	paramNode    = "nodeSha256"    // of rehydrate-node
	paramRequest = "requestSha256" // of the request
)

// Lines around the report in the run step's output.
const (
	reportBegin = "-----BEGIN REHYDRATE REPORT-----"
	reportEnd   = "-----END REHYDRATE REPORT-----"
)

// script runs the kit. What it executes is first compared with what was sent, and
// whatever happens, the folder goes.
const script = `set -u
folder='{{ folder }}'
trap 'cd / && rm -rf "$folder"' EXIT
cd "$folder" || exit 1
chmod 0700 "$folder" rehydrate-node || exit 1
{ echo '{{ nodeSha256 }}  rehydrate-node'; echo '{{ requestSha256 }}  request.json'; } | sha256sum -c - >&2 || {
  echo 'the files that came are not the files that were sent' >&2
  exit 97
}
./rehydrate-node run --request request.json --report report.json >&2
code=$?
if [ -s report.json ]; then
  echo '` + reportBegin + `'
  gzip -c report.json | base64
  echo '` + reportEnd + `'
fi
exit $code`

type document struct {
	SchemaVersion string               `json:"schemaVersion"`
	Description   string               `json:"description"`
	Parameters    map[string]parameter `json:"parameters"`
	MainSteps     []action             `json:"mainSteps"`
}

type parameter struct {
	Type           string `json:"type"`
	Description    string `json:"description"`
	AllowedPattern string `json:"allowedPattern"`
}

type action struct {
	Action string         `json:"action"`
	Name   string         `json:"name"`
	Inputs map[string]any `json:"inputs"`
}

// Document is the command document: its name, which ends in its content's digest so
// that a document is never changed, its JSON, and that JSON's SHA-256 in hex.
// Parameters go into a shell script, so every one of them has an allowed pattern
// without a character that the shell knows.
func Document() (name, content, hash string) {
	const digest = `^[0-9a-f]{64}$`
	doc := document{
		SchemaVersion: "2.2",
		Description:   "Patch this node to exactly the versions of a rehydrate patch lock.",
		Parameters: map[string]parameter{
			paramSource:  {"String", "Folder in S3 with node program, request and package files.", `^https://[A-Za-z0-9._/-]+/$`},
			paramFolder:  {"String", "Private folder on the node; it is removed at the end.", `^/var/lib/rehydrate/[A-Za-z0-9-]+$`},
			paramNode:    {"String", "SHA-256 of the node program.", digest},
			paramRequest: {"String", "SHA-256 of the request.", digest},
		},
		MainSteps: []action{
			{"aws:downloadContent", stepFetch, map[string]any{"sourceType": "S3",
				"sourceInfo": `{"path":"{{ source }}"}`, "destinationPath": "{{ folder }}"}},
			{"aws:runShellScript", stepPatch, map[string]any{"timeoutSeconds": strconv.Itoa(patchWithin), "runCommand": strings.Split(script, "\n")}},
			{"aws:runShellScript", stepClean, map[string]any{"finallyStep": true,
				"runCommand": []string{"rm -rf '{{ folder }}'"}}},
		},
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil { // strings, maps and lists only
		panic(err)
	}
	sum := sha256.Sum256(data)
	hash = hex.EncodeToString(sum[:])
	return "rehydrate-Patch-" + hash[:12], string(data), hash
}
