// Package e2e tests the built binary: wxtokend against a real redis-server,
// Sentinel and Cluster, with the simulated WeChat behind a port, every one of
// them a process that is killed, stopped and restarted.
//
//	go test ./daemon/e2e            # about a minute and a half, Linux, needs redis-server
//	go test ./daemon/e2e -v         # prints what was measured
//	go test ./daemon/e2e -run Kill/classic
//
// One question is asked all the time, as a reader of the key would ask it:
// does WeChat accept what lies under the key now? The simulator knows. The
// default settings are used wherever a number of the promise is tested;
// elsewhere time is scaled down.
//
// Where Prometheus is installed a real one scrapes daemons and evaluates the
// rules of deploy/prometheus while everything around them misbehaves.
//
// The binary is built with the tag failpoint, so that a process dies at a
// named step of a refresh. All processes listen on loopback and end with the
// test binary, whatever ends that.
package e2e
