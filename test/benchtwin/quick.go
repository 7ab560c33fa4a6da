package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/twin"
)

const (
	pageSize = 1000
	pages    = 100
	clients  = 8
	requests = 40000
	warmUp   = 2000
)

// small opens a world of one place with 1,000 instances, which are told from the
// others by nothing: they run, have volumes, groups, networks and tags.
func (b *bench) small() (t *twin.Twin, s shape, end func() error, err error) {
	s = shape{1, 1, 20, pageSize / 20}
	file, err := s.file()
	if err != nil {
		return nil, s, nil, err
	}
	dir, err := os.MkdirTemp("", "benchtwin")
	if err != nil {
		return nil, s, nil, err
	}
	t, _, err = open(filepath.Join(dir, "twin"), s, file)
	if err != nil {
		return nil, s, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return t, s, func() error { return errors.Join(t.Close(), os.RemoveAll(dir)) }, nil
}

func request(url, account, region, service, ctype, target, body string) *http.Request {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		panic(err) // of a constant
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+account+"/20260301/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
	req.Header.Set("Content-Type", ctype)
	if target != "" {
		req.Header.Set("X-Amz-Target", target)
	}
	return req
}

// page measures DescribeInstances of 1,000 instances through the whole handler.
func (b *bench) page() (err error) {
	t, s, end, err := b.small()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	http := t.Client(client)
	var took []time.Duration
	size := 0
	for range pages {
		req := request("http://127.0.0.1/", s.account(0), s.region(0), "ec2", "application/x-www-form-urlencoded", "", "Action=DescribeInstances&MaxResults=1000&Version=2016-11-15")
		began := time.Now()
		resp, err := http.Do(req)
		if err != nil {
			return err
		}
		took = append(took, time.Since(began))
		body, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		if n := strings.Count(string(body), "<instanceId>"); resp.StatusCode != 200 || n < pageSize {
			return fmt.Errorf("DescribeInstances: %s with %d instances", resp.Status, n)
		}
		size = len(body)
	}
	slices.Sort(took)
	b.bar("page of 1,000 instances", fmt.Sprintf("%s (best %s)", took[len(took)/2].Round(10*time.Microsecond), took[0].Round(10*time.Microsecond)), "< 15ms", of(took[len(took)/2], pageBar))
	b.note("  of", "%d bytes, median of %d", size, pages)
	return nil
}

// requests measures GetParameter over loopback sockets, client and server in this
// process.
func (b *bench) requests() (err error) {
	t, s, end, err := b.small()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	const json = "application/x-amz-json-1.1"
	put := request("http://127.0.0.1/", s.account(0), s.region(0), "ssm", json, "AmazonSSM.PutParameter", `{"Name":"/golden/latest","Type":"String","Value":"ami-1"}`)
	resp, err := t.Client(client).Do(put)
	if err != nil || resp.StatusCode != 200 {
		return fmt.Errorf("put the parameter: %v %w", resp, err)
	}
	srv := httptest.NewServer(t)
	defer srv.Close()
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	get := func() error {
		req := request(srv.URL, s.account(0), s.region(0), "ssm", json, "AmazonSSM.GetParameter", `{"Name":"/golden/latest"}`)
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		if resp.StatusCode != 200 || !strings.Contains(string(body), `"ami-1"`) {
			return fmt.Errorf("GetParameter: %s %s", resp.Status, body)
		}
		return nil
	}
	if err := many(warmUp, get); err != nil {
		return err
	}
	began, cpu := time.Now(), cpuTime()
	if err := many(requests, get); err != nil {
		return err
	}
	took := time.Since(began)
	rate := float64(requests) / took.Seconds()
	b.bar("GetParameter on loopback", fmt.Sprintf("%.0f a second", rate), "≥ 10000", requestBar/rate)
	b.note("  of", "%d requests by %d clients in this process, %s of CPU each, client included", requests, clients, ((cpuTime() - cpu) / requests).Round(100*time.Nanosecond))
	return nil
}

// many does f n times on all clients.
func many(n int, f func() error) error {
	var wg sync.WaitGroup
	errs := make([]error, clients)
	for k := range clients {
		wg.Go(func() {
			for range n / clients {
				if errs[k] = f(); errs[k] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
