package ec2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// typeInfo is what is known of an instance type.
type typeInfo struct {
	Name   string
	Arch   string // x86_64 or arm64
	VCPUs  int32
	Memory int64 // MiB
	Burst  bool
}

// nitro: all modelled types but t2, which is Xen ("Instances built on the AWS Nitro
// System", EC2 User Guide).
func (t typeInfo) nitro() bool { return !strings.HasPrefix(t.Name, "t2.") }

func (t typeInfo) hypervisor() types.InstanceTypeHypervisor {
	if t.nitro() {
		return types.InstanceTypeHypervisorNitro
	}
	return types.InstanceTypeHypervisorXen
}

// threads of a core: Graviton has one, and so has t2 ("CPU options", EC2 User Guide).
func (t typeInfo) threads() int32 {
	if t.Arch == "arm64" || !t.nitro() {
		return 1
	}
	return 2
}

func (t typeInfo) cores() int32 { return t.VCPUs / t.threads() }

// families are the modelled ones: architecture and MiB of memory for each vCPU
// ("Amazon EC2 instance types" tables); burstable ones have sizes of their own.
func family(name string) (arch string, perCPU int64, burstable, ok bool) {
	switch name {
	case "t2", "t3", "t3a":
		return "x86_64", 0, true, true
	case "t4g":
		return "arm64", 0, true, true
	case "c5", "c6i", "c6a", "c7i":
		return "x86_64", 2048, false, true
	case "m5", "m6i", "m6a", "m7i":
		return "x86_64", 4096, false, true
	case "r5", "r6i", "r6a", "r7i":
		return "x86_64", 8192, false, true
	case "c6g", "c7g":
		return "arm64", 2048, false, true
	case "m6g", "m7g":
		return "arm64", 4096, false, true
	case "r6g", "r7g":
		return "arm64", 8192, false, true
	}
	return "", 0, false, false
}

func families() []string {
	return strings.Fields("t2 t3 t3a t4g c5 c6a c6g c6i c7g c7i m5 m6a m6g m6i m7g m7i r5 r6a r6g r6i r7g r7i")
}

func sizes() []string {
	return strings.Fields("nano micro small medium large xlarge 2xlarge 4xlarge 8xlarge")
}

// lookType finds a modelled instance type.
func lookType(name string) (typeInfo, bool) {
	fam, size, _ := strings.Cut(name, ".")
	arch, per, burstable, ok := family(fam)
	if !ok || name == "c5.8xlarge" { // its place is c5.9xlarge's
		return typeInfo{}, false
	}
	t := typeInfo{Name: name, Arch: arch, Burst: burstable}
	if burstable {
		t.VCPUs = 2
		switch size {
		case "nano":
			t.Memory = 512
		case "micro":
			t.Memory = 1024
		case "small":
			t.Memory = 2048
		case "medium":
			t.Memory = 4096
		case "large":
			t.Memory = 8192
		case "xlarge":
			t.VCPUs, t.Memory = 4, 16384
		case "2xlarge":
			t.VCPUs, t.Memory = 8, 32768
		}
		if fam == "t2" && t.Memory < 4096 {
			t.VCPUs = 1
		}
		return t, t.Memory > 0
	}
	switch size {
	case "large":
		t.VCPUs = 2
	case "xlarge":
		t.VCPUs = 4
	case "2xlarge":
		t.VCPUs = 8
	case "4xlarge":
		t.VCPUs = 16
	case "8xlarge":
		t.VCPUs = 32
	}
	t.Memory = int64(t.VCPUs) * per
	return t, t.VCPUs > 0
}

// allTypes are all modelled types in order of their names' parts.
func allTypes() []typeInfo {
	var out []typeInfo
	for _, f := range families() {
		for _, s := range sizes() {
			if t, ok := lookType(f + "." + s); ok {
				out = append(out, t)
			}
		}
	}
	return out
}

// checkType refuses unknown types and those that cannot run the image.
func checkType(name string, img Image) (string, error) {
	if name == "" {
		// AWS falls back to m1.small, which is long gone from most regions.
		return "", missingParameter("InstanceType")
	}
	t, ok := lookType(name)
	if !ok {
		return "", badValue("Invalid value '%s' for InstanceType.", name)
	}
	if t.Arch != img.Architecture {
		return "", badValue("The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. "+
			"Specify an instance type and an AMI that have matching architectures, and try again.", t.Arch, img.Architecture)
	}
	return name, nil
}
