package support

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ReadCases reads the conformance cases of one file into a slice, with all repetitions written out.
func ReadCases(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Repository(), "conformance", "cases", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []any `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatalf("%s.json has no cases", name)
	}
	written, err := json.Marshal(writtenOut(file.Cases))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(written, into); err != nil {
		t.Fatal(err)
	}
}

// writtenOut replaces {"repeat": [text, times]} by the text that it stands for.
func writtenOut(value any) any {
	switch value := value.(type) {
	case []any:
		for index, one := range value {
			value[index] = writtenOut(one)
		}
	case map[string]any:
		if repeat, ok := value["repeat"].([]any); ok && len(value) == 1 {
			return strings.Repeat(repeat[0].(string), int(repeat[1].(float64)))
		}
		for key, one := range value {
			value[key] = writtenOut(one)
		}
	}
	return value
}
