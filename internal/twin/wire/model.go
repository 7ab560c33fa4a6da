package wire

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/goldenami/rehydrate/internal/twin/wire/models"
)

// model is a service model; the names are botocore's.
type model struct {
	Metadata   metadata                `json:"metadata"`
	Operations map[string]*modelOp     `json:"operations"`
	RawShapes  map[string]rawShapeText `json:"shapes"`

	mu     sync.Mutex
	shapes map[string]*shape
}

// rawShapeText is parsed when it is first needed: a client uses few of the
// thousands of shapes of EC2.
type rawShapeText = json.RawMessage

type metadata struct {
	APIVersion     string `json:"apiVersion"`
	EndpointPrefix string `json:"endpointPrefix"`
	JSONVersion    string `json:"jsonVersion"`
	Protocol       string `json:"protocol"`
	TargetPrefix   string `json:"targetPrefix"`
	XMLNamespace   string `json:"xmlNamespace"`
	SigningName    string `json:"signingName"`
}

type modelOp struct {
	HTTP struct {
		Method       string `json:"method"`
		RequestURI   string `json:"requestUri"`
		ResponseCode int    `json:"responseCode"`
	} `json:"http"`
	Input  *ref `json:"input"`
	Output *struct {
		ref
		ResultWrapper string `json:"resultWrapper"`
	} `json:"output"`
	Errors []string `json:"errors"`
}

// ref is a use of a shape.
type ref struct {
	Shape           string        `json:"shape"`
	LocationName    string        `json:"locationName"`
	QueryName       string        `json:"queryName"`
	Location        string        `json:"location"`
	TimestampFormat string        `json:"timestampFormat"`
	Flattened       bool          `json:"flattened"`
	XMLAttribute    bool          `json:"xmlAttribute"`
	Streaming       bool          `json:"streaming"`
	XMLNamespace    *xmlNamespace `json:"xmlNamespace"`
}

type xmlNamespace struct {
	Prefix string `json:"prefix"`
	URI    string `json:"uri"`
}

type shape struct {
	Type            string         `json:"type"`
	Members         map[string]ref `json:"members"`
	Member          ref            `json:"member"`
	Key             ref            `json:"key"`
	Value           ref            `json:"value"`
	Required        []string       `json:"required"`
	Enum            []string       `json:"enum"`
	Pattern         string         `json:"pattern"`
	Min             *float64       `json:"min"`
	Max             *float64       `json:"max"`
	Flattened       bool           `json:"flattened"`
	LocationName    string         `json:"locationName"`
	TimestampFormat string         `json:"timestampFormat"`
	Payload         string         `json:"payload"`
	Streaming       bool           `json:"streaming"`
	Union           bool           `json:"union"`
	Exception       bool           `json:"exception"`
	Error           *modelError    `json:"error"`
}

type modelError struct {
	Code           string `json:"code"`
	HTTPStatusCode int    `json:"httpStatusCode"`
}

// shape returns a shape by name, or nil.
func (m *model) shape(name string) *shape {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.shapes[name]; ok {
		return s
	}
	text, ok := m.RawShapes[name]
	if !ok {
		return nil
	}
	s := &shape{}
	if err := json.Unmarshal(text, s); err != nil {
		s = nil
	}
	m.shapes[name] = s
	return s
}

// loadModel parses the embedded model of a service.
func loadModel(service string) (*model, error) {
	text, err := models.Read(service)
	if err != nil {
		return nil, err
	}
	m := &model{shapes: map[string]*shape{}}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("parse model of %s: %w", service, err)
	}
	return m, nil
}

// resultWrapper is the element around a query protocol's result, or "".
func (o *modelOp) resultWrapper() string {
	if o.Output == nil {
		return ""
	}
	return o.Output.ResultWrapper
}

func (o *modelOp) inputShape() string {
	if o.Input == nil {
		return ""
	}
	return o.Input.Shape
}

func (o *modelOp) outputShape() string {
	if o.Output == nil {
		return ""
	}
	return o.Output.Shape
}
