"""Static files, sent packed to those who take gzip: the build of the console leaves each of its files packed beside itself."""

from typing import Final

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from jeonju.api.negotiation import takes_gzip

PACKED: Final = ".gz"


class PackedFiles(StaticFiles):
    """Serves the files of a folder, which need not be there."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, packed where it lies there packed and the client unpacks."""
        response = await super().get_response(path, scope)
        if not isinstance(response, FileResponse):
            return response
        response.headers["Vary"] = "Accept-Encoding"
        full, found = self.lookup_path(path + PACKED)
        if found is None or not takes_gzip(scope["headers"]) or scope["method"] != "GET":
            return response
        packed = FileResponse(full, media_type=response.media_type, stat_result=found)
        packed.headers["Content-Encoding"] = "gzip"
        packed.headers["Vary"] = "Accept-Encoding"
        return packed
