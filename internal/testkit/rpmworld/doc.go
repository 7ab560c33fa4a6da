// Package rpmworld builds RPM worlds for tests: repositories with advisories and
// modules, and roots on which old versions are installed.
//
// The tools are the real ones (rpmbuild, createrepo_c, modifyrepo_c, rpm, dnf, gpg);
// the packages are synthetic and empty, and no RPM distribution is involved. So a
// test may say that it agrees with dnf on such a root, never that it ran on one of
// the systems whose os-release the root carries.
//
// A repository is built once for its content and kept in testkit.Cache: nothing may
// write to it. A root lives in the test's temporary folder.
package rpmworld
