#ifndef SVS_IPVS_H
#define SVS_IPVS_H

// libsvs-ipvs.so, to be named in LD_PRELOAD: carries generic netlink family IPVS, as unmodified ipvsadm, keepalived,
// genl and pyroute2 speak it, from a netlink socket over to the control socket of `svs run`, and shows /proc/net/ip_vs*.
//
// SVS_CONTROL names the control socket (default /run/svs.sock). Without a director there, every call goes to the kernel
// as if the library were not loaded; one that was there and is gone is waited for five seconds, for it may be restarted. The
// library exports nothing but the C library's functions it stands in front of.

/// The control socket that is used when SVS_CONTROL is not set.
#define SVS_IPVS_DEFAULT_CONTROL "/run/svs.sock"

#endif
