"""Static files, sent packed to those who take gzip: the build of the console leaves each of its files packed beside itself."""

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PACKED: Final = ".gz"


def takes_gzip(scope: Scope) -> bool:
    """Return whether who asks can unpack."""
    offered = Headers(scope=scope).get("accept-encoding", "")
    coded = (one.replace(" ", "").partition(";") for one in offered.split(","))
    return any(name == "gzip" and weight != "q=0" for name, _, weight in coded)


class PackedFiles(StaticFiles):
    """Serves the files of a folder, which need not be there."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, packed where it lies there packed and the client unpacks."""
        response = await super().get_response(path, scope)
        if not isinstance(response, FileResponse):
            return response
        response.headers["Vary"] = "Accept-Encoding"
        full, found = self.lookup_path(path + PACKED)
        if found is None or not takes_gzip(scope) or scope["method"] != "GET":
            return response
        packed = FileResponse(full, media_type=response.media_type, stat_result=found)
        packed.headers["Content-Encoding"] = "gzip"
        packed.headers["Vary"] = "Accept-Encoding"
        return packed
