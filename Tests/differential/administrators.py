"""Random administrators: what somebody does to a running director."""


class Administrator:
    """Draws edits and keeps book of what should be there after them."""

    def __init__(self, rng, maker):
        self.rng, self.maker = rng, maker
        self.timeouts = set()
        self.is_backup = False

    def quiet_edits(self):
        """Edits for a moment at which the estimator has seen everything."""
        kinds = [(self.zero, 2), (self.delete_service, 2), (self.add_service, 4), (self.flush, 0.3)]
        if not self.maker.short:
            kinds.append((self.set_timeouts, 1))
        return self.draw(kinds) + self.edits()

    def light_edits(self):
        """Edits that nothing depends on which the estimator does."""
        return self.draw([(self.weight, 5), (self.delete_server, 3), (self.edit_service, 2), (self.mistake, 1)])

    def edits(self):
        kinds = [(self.weight, 5), (self.add_server, 3), (self.delete_server, 4), (self.readd_server, 5), (self.edit_service, 2),
                 (self.mistake, 1)]
        return self.draw(kinds)

    def draw(self, kinds):
        act = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        return act() or []

    def existing(self):
        return [s for s in self.maker.services if s.exists]

    def some_service(self, where=lambda s: True):
        found = [s for s in self.existing() if where(s)]
        return self.rng.choice(found) if found else None

    def zero(self):
        service = self.some_service()
        return [f"-Z {service.key}"] if service and self.rng.random() < 0.5 else ["-Z"]

    def delete_service(self):
        service = self.some_service()
        if not service:
            return []
        lines = self.delete(service)
        return lines + (self.add_back(service) if self.rng.random() < 0.5 else [])

    def delete(self, service):
        service.exists = False
        service.removed += service.servers
        service.servers = []
        return [f"-D {service.key}"]

    def add_service(self):
        gone = [s for s in self.maker.services if not s.exists]
        return self.add_back(self.rng.choice(gone)) if gone else []

    def add_back(self, service):
        if self.rng.random() < 0.4:
            self.maker.settings(service, again=True)
        service.exists = True
        lines = [service.add()]
        for server in list(service.removed):
            if self.rng.random() < 0.7:
                lines += self.bring_back(service, server)
        if self.rng.random() < 0.3:
            lines += self.fresh(service)
        return lines

    def bring_back(self, service, server):
        service.removed.remove(server)
        if any(s.address == server.address and s.port == server.port for s in service.servers):
            return []
        if self.rng.random() < 0.4:
            self.maker.server_options(service, server, again=True)
        service.servers.append(server)
        return [service.add_server(server)]

    def fresh(self, service):
        server = self.maker.new_server(service)
        return [service.add_server(server)] if server else []

    def change_role(self):
        """Now and then the backup daemon is started or stopped; the kernel's master would send messages."""
        if self.rng.random() < 0.4:
            return []
        self.is_backup = not self.is_backup
        return ["--start-daemon backup --mcast-interface eth0" if self.is_backup else "--stop-daemon backup"]

    def flush(self):
        for service in self.existing():
            service.exists = False
            service.removed += service.servers
            service.servers = []
        lines = ["-C"]
        for service in self.maker.services:
            if self.rng.random() < 0.7:
                lines += self.add_back(service)
        return lines

    def set_timeouts(self):
        values = [self.rng.choice([0, 20, 45, 100, 200, 700]) for _ in range(3)]
        self.timeouts |= set(values) - {0}
        return [f"--set {values[0]} {values[1]} {values[2]}"]

    def weight(self):
        service = self.some_service(lambda s: s.servers)
        if not service:
            return []
        server = self.rng.choice(service.servers)
        self.maker.server_options(service, server, again=True)
        return [service.edit_server(server)]

    def add_server(self):
        service = self.some_service()
        return self.fresh(service) if service else []

    def delete_server(self):
        service = self.some_service(lambda s: s.servers)
        if not service:
            return []
        server = self.rng.choice(service.servers)
        service.servers.remove(server)
        service.removed.append(server)
        return [service.delete_server(server)]

    def readd_server(self):
        service = self.some_service(lambda s: s.removed)
        return self.bring_back(service, self.rng.choice(service.removed)) if service else []

    def edit_service(self):
        service = self.some_service()
        if not service:
            return []
        self.maker.settings(service, again=True)
        return [service.edit()]

    def mistake(self):
        service = self.some_service(lambda s: s.servers)
        if not service:
            return []
        server = self.rng.choice(service.servers)
        return [self.rng.choice([service.add(), service.add_server(server), f"-d {service.key} -r {self.unknown(service)}",
                                 f"-e {service.key} -r {self.unknown(service)} -w 1",
                                 f"-a {service.key} -r {self.unknown(service)} -x 3 -y 4",
                                 f"-E {service.key} -s nosuch{' -p' if service.persistent else ''}"])]

    def unknown(self, service):
        return "172.20.1.251" if service.family == 4 else "fd00:1::fb"
