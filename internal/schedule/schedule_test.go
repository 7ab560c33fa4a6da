package schedule_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/schedule"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := schedule.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	m, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNextFallsOnTheDaysThatTheMarksName(t *testing.T) {
	for _, c := range []struct {
		expr, after, zone, want string
		days                    int
	}{
		{expr: "cron(0 2 ? * TUE#2 *)", after: "2026-11-01T00:00:00Z", want: "2026-11-10T02:00:00Z"},
		{expr: "cron(0 2 ? * TUE#2 *)", after: "2026-11-10T02:00:00Z", want: "2026-12-08T02:00:00Z"},
		{expr: "cron(0 2 ? * 3#2 *)", after: "2026-11-01T00:00:00Z", want: "2026-11-10T02:00:00Z"},
		{expr: "cron(0 2 ? * TUE#2 *)", days: 2, after: "2026-11-10T02:00:00Z", want: "2026-11-12T02:00:00Z"},
		{expr: "cron(0 2 ? * TUE#5 *)", after: "2026-07-01T00:00:00Z", want: "2026-09-29T02:00:00Z"},
		{expr: "cron(0 2 ? * SAT#4 *)", days: 6, after: "2026-11-29T00:00:00Z", want: "2026-12-04T02:00:00Z"}, // over the end of the month
		{expr: "cron(30 4 L * ? *)", after: "2028-02-01T00:00:00Z", want: "2028-02-29T04:30:00Z"},
		{expr: "cron(0 8 1W * ? *)", after: "2026-08-01T00:00:00Z", want: "2026-08-03T08:00:00Z"},  // 1 August 2026 is a Saturday
		{expr: "cron(0 8 31W * ? *)", after: "2026-05-30T00:00:00Z", want: "2026-07-31T08:00:00Z"}, // 31 May 2026 is a Sunday: the 29th, and June has none
		{expr: "cron(0 8 15W * ? *)", after: "2026-11-01T00:00:00Z", want: "2026-11-16T08:00:00Z"},
		{expr: "cron(0 8 ? * FRIL *)", after: "2026-11-01T00:00:00Z", want: "2026-11-27T08:00:00Z"},
		{expr: "cron(0 8 ? * 6L *)", after: "2026-11-01T00:00:00Z", want: "2026-11-27T08:00:00Z"},
		{expr: "cron(0 8 ? * L *)", after: "2026-11-01T00:00:00Z", want: "2026-11-07T08:00:00Z"}, // Saturday
		{expr: "cron(0/15 10-11 ? * MON-FRI *)", after: "2026-11-20T11:45:00Z", want: "2026-11-23T10:00:00Z"},
		// Ranges over the end: AWS's own example, from 20:00 on and on weekdays before 3:00.
		{expr: "cron(0/30 20-2 ? * MON-FRI *)", after: "2026-11-20T20:00:00Z", want: "2026-11-20T20:30:00Z"},
		{expr: "cron(0/30 20-2 ? * MON-FRI *)", after: "2026-11-20T23:30:00Z", want: "2026-11-23T00:00:00Z"}, // not on Saturday
		{expr: "cron(0/30 20-2 ? * MON-FRI *)", after: "2026-11-23T02:30:00Z", want: "2026-11-23T20:00:00Z"},
		{expr: "cron(0 2 ? * FRI-MON *)", after: "2026-11-23T02:00:00Z", want: "2026-11-27T02:00:00Z"},
		{expr: "cron(0 2 ? * FRI-MON *)", after: "2026-11-28T02:00:00Z", want: "2026-11-29T02:00:00Z"},
		{expr: "cron(0 2 1 NOV-FEB ? *)", after: "2027-02-01T02:00:00Z", want: "2027-11-01T02:00:00Z"},
		{expr: "cron(0 2 28-3/2 * ? *)", after: "2026-10-30T02:00:00Z", want: "2026-11-01T02:00:00Z"},
		{expr: "cron(50-10/20 2 * * ? *)", after: "2026-11-20T02:10:00Z", want: "2026-11-20T02:50:00Z"},
		{expr: "cron(*/20 * * * ? *)", after: "2026-11-20T11:41:00Z", want: "2026-11-20T12:00:00Z"},
		{expr: "cron(0 0 29 FEB ? 2026-2040)", after: "2026-01-01T00:00:00Z", want: "2028-02-29T00:00:00Z"},
		{expr: "cron(0 0 1 1 ? 2030/5)", after: "2031-01-01T00:00:00Z", want: "2035-01-01T00:00:00Z"},
		{expr: "cron(0 0 1 1 ? 2020)", after: "2026-01-01T00:00:00Z"},
		{expr: "cron(0 0 31 2 ? *)", after: "2026-01-01T00:00:00Z"},
		{expr: "cron(0 22 ? * MON *)", zone: "Europe/Berlin", after: "2026-11-20T00:00:00Z", want: "2026-11-23T21:00:00Z"},
		{expr: "cron(0 22 ? * MON *)", zone: "Pacific/Kiritimati", after: "2026-11-20T00:00:00Z", want: "2026-11-23T08:00:00Z"},
		// The clocks go forward in Berlin on 29 March 2026, from 2 to 3: 02:30 is no time.
		{expr: "cron(30 2 * * ? *)", zone: "Europe/Berlin", after: "2026-03-28T12:00:00Z", want: "2026-03-30T00:30:00Z"},
		// They go back on 25 October 2026, from 3 to 2: 02:30 comes twice, and counts once.
		{expr: "cron(30 2 * * ? *)", zone: "Europe/Berlin", after: "2026-10-24T12:00:00Z", want: "2026-10-25T00:30:00Z"},
		{expr: "cron(30 2 * * ? *)", zone: "Europe/Berlin", after: "2026-10-25T00:30:00Z", want: "2026-10-26T01:30:00Z"},
		// Half an hour's change, on Lord Howe Island.
		{expr: "cron(15 2 * * ? *)", zone: "Australia/Lord_Howe", after: "2026-10-03T00:00:00Z", want: "2026-10-04T15:15:00Z"},
		// Samoa left out the whole 30 December 2011.
		{expr: "cron(0 12 ? * FRI *)", zone: "Pacific/Apia", after: "2011-12-26T00:00:00Z", want: "2012-01-05T22:00:00Z"},
		{expr: "at(2026-11-20T13:00:00)", after: "2026-11-20T00:00:00Z", zone: "Europe/Berlin", want: "2026-11-20T12:00:00Z"},
		{expr: "at(2026-11-20T13:00:00)", after: "2026-11-20T13:00:00Z"},
		{expr: "rate(5 minutes)", after: "2026-11-20T00:01:00Z", want: "2026-11-20T00:06:00Z"},
		{expr: "rate(1 day)", after: "2026-03-28T12:00:00Z", zone: "Europe/Berlin", want: "2026-03-29T12:00:00Z"},
	} {
		s, err := schedule.Parse(c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		got, ok := s.NextOffset(at(t, c.after), zone(t, c.zone), c.days)
		if ok != (c.want != "") || ok && !got.Equal(at(t, c.want)) {
			t.Errorf("%s in %q, %d days after it, from %s: %s, %v; want %s", c.expr, c.zone, c.days, c.after, got.UTC().Format(time.RFC3339), ok, c.want)
		}
	}
}

func TestParseRefusesWhatAWSRefusesAndSaysWhy(t *testing.T) {
	for expr, want := range map[string]string{
		"":                                        "write cron(...)",
		"0 2 * * *":                               "write cron(...)",
		"cron(0 2 * * ?)":                         "six fields",
		"cron(0 2 * * * *)":                       "exactly one of",
		"cron(0 2 ? * ? *)":                       "exactly one of",
		"cron(60 2 * * ? *)":                      "minutes is \"60\"; it takes 0 to 59",
		"cron(0 24 * * ? *)":                      "hours is \"24\"",
		"cron(0 2 0 * ? *)":                       "day of month is \"0\"",
		"cron(0 2 ? 13 MON *)":                    "1 to 12 or JAN to DEC",
		"cron(0 2 ? * 0 *)":                       "1 to 7 or SUN to SAT",
		"cron(0 2 ? * TUE#6 *)":                   "after # stands 1 to 5",
		"cron(0 2 ? * TUE#1,TUE#3 *)":             "after # stands 1 to 5",
		"cron(0 2 ? * 2/2 *)":                     "takes no step",
		"cron(0 2 ? * MON 2030-2026)":             "goes backwards",
		"cron(0 2 LW * ? *)":                      "day of month is \"L\"",
		"cron(0 2 ? * MON 1969)":                  "1970 to 2199",
		"cron(0/0 2 ? * MON *)":                   "step",
		"cron(+1 2 ? * MON *)":                    "minutes is \"+1\"",
		"cron(0 2 ? * MON *":                      "write cron(...)",
		"rate(1 minutes)":                         "write 1 minute",
		"rate(5 minute)":                          "5",
		"rate(0 minutes)":                         "whole number from 1",
		"rate(05 minutes)":                        "whole number from 1",
		"rate(2 weeks)":                           "unknown unit",
		"rate(99999999 days)":                     "longer than",
		"at(2026-11-20)":                          "write a time such as",
		"at(2026-02-30T00:00:00)":                 "write a time such as",
		"every(1 day)":                            "unknown kind",
		"cron(" + strings.Repeat("0,", 200) + ")": "at most 256",
	} {
		s, err := schedule.Parse(expr)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", expr, s, err, want)
		}
	}
}

func TestAScheduleIsItsExpressionInJSON(t *testing.T) {
	var back struct{ A, B schedule.Schedule }
	if err := json.Unmarshal([]byte(`{"A":"cron(0 2 ? * TUE#2 *)","B":""}`), &back); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(back)
	if err != nil || string(out) != `{"A":"cron(0 2 ? * TUE#2 *)","B":""}` || back.A.Kind() != "cron" || back.B.Kind() != "" {
		t.Errorf("%s, %v", out, err)
	}
	if _, ok := back.B.Next(time.Time{}, time.UTC); ok {
		t.Error("the zero schedule falls due")
	}
	if err := json.Unmarshal([]byte(`{"A":"cron(x)"}`), &back); err == nil {
		t.Error("a wrong expression was read")
	}
}
